// `npm run demo`: docs/demo.svg, a recording of two real Claude Code clients on a real bus, offline. Only the words of
// their model come from scene.ts.
import { join } from "node:path";
import { buildBinary } from "../../build/binary.ts";
import { buildNode } from "../../build/node.ts";
import { filmOf } from "./film.ts";

const root = join(import.meta.dir, "../..");
const PICTURE = "docs/demo.svg";
const NEEDS = "The recording needs tmux, and Claude Code from npm. It asks no model and needs no account.";
const PANES = [
  { title: "api", note: "you type here" },
  { title: "web", note: "idle, nobody types here" },
];
const TITLE =
  "Two Claude Code sessions. In api you ask whether the tokens expire. web wakes up by itself and answers.";

async function main(): Promise<number> {
  await buildBinary();
  await buildNode();
  // These load the executable that was just built.
  const { findClaude } = await import("../claude-code/client.ts");
  const { hasTmux } = await import("../claude-code/terminal.ts");
  const { COLUMNS, ROWS, Stage } = await import("./stage.ts");
  const claude = hasTmux ? await findClaude() : undefined;
  if (claude === undefined) {
    console.error(`${hasTmux ? "Claude Code could not be fetched." : "There is no tmux here."} ${NEEDS}`);
    return 1;
  }
  const stage = new Stage(claude);
  try {
    const frames = await stage.play();
    const svg = filmOf({ panes: PANES, columns: COLUMNS, rows: ROWS, title: TITLE, frames });
    await Bun.write(join(root, PICTURE), svg);
    console.log(`${PICTURE}: ${frames.length} frames, ${Math.ceil(svg.length / 1024)} kB`);
    return 0;
  } finally {
    await stage.close();
  }
}

if (import.meta.main) process.exit(await main());
