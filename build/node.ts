// `npm run build:node`: dist/agent-event-bus.mjs, the same program as one file for Node 24.
import { chmod } from "node:fs/promises";
import { join } from "node:path";
import { report } from "./binary.ts";
import { withoutUnused } from "./left_out.ts";

const root = join(import.meta.dir, "..");

export interface NodeOptions {
  entry?: string;
  outfile?: string;
}

/** Returns the path of the file. */
export async function buildNode(options: NodeOptions = {}): Promise<string> {
  const { entry = join(root, "src/main.ts"), outfile = join(root, "dist/agent-event-bus.mjs") } = options;
  const { outputs } = await Bun.build({
    entrypoints: [entry],
    plugins: [withoutUnused],
    target: "node",
    format: "esm",
    // Drops the branches that a constant condition rules out: the files for Bun.
    minify: { syntax: true },
    define: { "process.versions.bun": "undefined" },
  });
  const [output] = outputs;
  if (output === undefined) throw new Error("the build for Node made no file");
  const program = (await output.text()).replace(/^#!.*\n/, "");
  await Bun.write(outfile, `#!/usr/bin/env node\n${program}`);
  await chmod(outfile, 0o755);
  return outfile;
}

if (import.meta.main) await report(await buildNode());
