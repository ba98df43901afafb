// `bun build/recording.ts`: docs/demo.svg, a picture of two shells on one bus. Every line of output in it is real.
// Linux only: the programs run under a host name of their own.
import { chmod, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = join(import.meta.dir, "..");
const HOST = "laptop";
const PORT = 18_080;
const URL = `http://127.0.0.1:${PORT}/mcp`;

interface Pane {
  name: string;
  lines: Run[][];
}

/** Characters of one line that look the same. */
interface Run {
  text: string;
  style: string;
}

async function record(): Promise<Pane[]> {
  const home = await mkdtemp(join(tmpdir(), "recording-"));
  const bus = await startBus(home);
  try {
    const api = new Shell(home, "api");
    const web = new Shell(home, "web");
    await api.run("agent-event-bus register --client-id api");
    await web.run("agent-event-bus register --client-id web");
    const reads = web.run("agent-event-bus events --session-id web --resume --order asc --wait 60");
    await Bun.sleep(1500);
    await api.run(
      "agent-event-bus publish --session-id api --channel session:web --type question \\\n" +
        '    --payload "Access tokens now expire after 15 minutes. Does the login page renew them?"',
    );
    await reads;
    await web.run("agent-event-bus sessions");
    return [api.pane, web.pane];
  } finally {
    bus.kill();
    await bus.exited;
    await rm(home, { recursive: true, force: true });
  }
}

/** A shell in `~/{name}`, as far as a picture shows one. */
class Shell {
  readonly pane: Pane;
  readonly #home: string;

  constructor(home: string, name: string) {
    this.#home = home;
    this.pane = { name: `~/${name}`, lines: [] };
  }

  async run(command: string): Promise<void> {
    const { name, lines } = this.pane;
    const [first = "", ...more] = command.split("\n");
    if (lines.length > 0) lines.push([]);
    lines.push([
      { text: name, style: "folder" },
      { text: " $ ", style: "prompt" },
      { text: first, style: "typed" },
    ]);
    for (const line of more) lines.push([{ text: line, style: "typed" }]);
    lines.push(...linesOf(await output(this.#home, name, command)));
  }
}

async function startBus(home: string) {
  await mkdir(join(home, "bin"));
  for (const folder of ["api", "web"]) await mkdir(join(home, folder));
  const program = join(home, "bin/agent-event-bus");
  await Bun.write(program, `#!/bin/sh\nexec "${process.execPath}" "${join(root, "src/main.ts")}" "$@"\n`);
  await chmod(program, 0o755);
  const serve = `exec agent-event-bus serve --port ${PORT} --db ${join(home, "data.db")}`;
  const bus = Bun.spawn(elsewhere(serve), { cwd: home, env: environment(home), stdout: "pipe" });
  const { value } = await bus.stdout.getReader().read();
  if (value === undefined) throw new Error("the bus did not start");
  return bus;
}

/** What a terminal would have shown of the command, colours included. */
async function output(home: string, folder: string, command: string): Promise<string> {
  let shown = "";
  const decoder = new TextDecoder();
  const child = Bun.spawn(elsewhere(command), {
    cwd: folder.replace("~", home),
    env: environment(home),
    terminal: {
      cols: 104,
      rows: 50,
      data: (_terminal, bytes) => {
        shown += decoder.decode(bytes, { stream: true });
      },
    },
  });
  if ((await child.exited) !== 0) throw new Error(`${command}: ${shown}`);
  await Bun.sleep(50);
  child.terminal?.close();
  return shown;
}

function elsewhere(command: string): string[] {
  const shell = ["sh", "-c", `hostname ${HOST} && ${command}`];
  return ["unshare", "--map-root-user", "--uts", ...shell];
}

function environment(home: string): Record<string, string> {
  const PATH = `${join(home, "bin")}:${process.env.PATH}`;
  return { HOME: home, PATH, TERM: "xterm-256color", TZ: "UTC", AGENT_EVENT_BUS_URL: URL };
}

const STYLES: Record<string, string> = {
  1: "bold",
  2: "dim",
  31: "red",
  32: "green",
  33: "yellow",
  36: "cyan",
};

function linesOf(shown: string): Run[][] {
  return shown
    .replaceAll("\r", "")
    .trimEnd()
    .split("\n")
    .map((line) => {
      const [plain = "", ...coloured] = line.split("\x1b[");
      return [{ text: plain, style: "" }, ...coloured.map(runOf)].filter(({ text }) => text !== "");
    });
}

function runOf(part: string): Run {
  const end = part.indexOf("m");
  return { text: part.slice(end + 1), style: STYLES[part.slice(0, end)] ?? "" };
}

const WIDTH = 880;
const FONT = 13;
const CHARACTER = 7.8;
const LINE = 19;
const BAR = 34;
const MARGIN = 20;
const GAP = 14;

const STYLE = `
text { font: ${FONT}px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", "Liberation Mono", monospace;
  fill: #c9d1d9; }
.name { fill: #8b949e; text-anchor: middle; }
.folder { fill: #79c0ff; }
.prompt, .dim { fill: #8b949e; }
.typed { fill: #f0f6fc; }
.bold { fill: #f0f6fc; font-weight: bold; }
.red { fill: #ff7b72; }
.green { fill: #56d364; }
.yellow { fill: #e3b341; }
.cyan { fill: #56d4dd; }
`;

function picture(panes: Pane[]): string {
  let top = 0;
  const windows = panes.map((pane) => {
    const drawn = `<g transform="translate(0 ${top})">${windowOf(pane)}</g>`;
    top += heightOf(pane) + GAP;
    return drawn;
  });
  const height = top - GAP;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img">`,
    "<title>Two shells on one bus: api sends web a direct message, which web was waiting for</title>",
    `<style>${STYLE}</style>`,
    ...windows,
    "</svg>\n",
  ].join("\n");
}

function heightOf({ lines }: Pane): number {
  return BAR + lines.length * LINE + MARGIN;
}

function windowOf(pane: Pane): string {
  const frame = `x="0.5" y="0.5" width="${WIDTH - 1}" height="${heightOf(pane) - 1}" rx="9"`;
  const dots = ["#ff5f57", "#febc2e", "#28c840"].map(
    (colour, i) => `<circle cx="${MARGIN + i * 18}" cy="17" r="5.5" fill="${colour}"/>`,
  );
  return [
    `<rect ${frame} fill="#0d1117" stroke="#30363d"/>`,
    ...dots,
    `<text class="name" x="${WIDTH / 2}" y="21.5">${pane.name}</text>`,
    ...pane.lines.flatMap((runs, row) => textOf(runs, BAR + MARGIN + row * LINE - 3)),
  ].join("\n");
}

// Each word group at its own place: renderers differ in how they treat several spaces.
function textOf(runs: Run[], y: number): string[] {
  let column = 0;
  return runs.flatMap(({ text, style }) => {
    const start = column;
    column += text.length;
    return [...text.matchAll(/\S+(?: \S+)*/g)].map(({ 0: words, index }) => {
      const x = (MARGIN - 5 + (start + index) * CHARACTER).toFixed(1);
      const look = style === "" ? "" : ` class="${style}"`;
      return `<text${look} x="${x}" y="${y}">${Bun.escapeHTML(words)}</text>`;
    });
  });
}

if (import.meta.main) {
  await Bun.write(join(root, "docs/demo.svg"), picture(await record()));
  console.log("docs/demo.svg");
}
