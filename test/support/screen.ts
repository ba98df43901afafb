import { afterAll } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempFolder } from "./folder.ts";
import { outputOf } from "./process.ts";
import { eventually } from "./webhook.ts";

const PROGRAMS = ["Xvfb", "dbus-daemon", "dunst", "dunstctl", "notify-send", "dbus-send"];

/** Programs that are needed for a screen of one's own, but are not here. */
export function missingForScreen(): string[] {
  return PROGRAMS.filter((program) => Bun.which(program) === null);
}

/** A notification as dunst tells it. */
export interface Seen {
  id: number;
  summary: string;
  body: string;
}

export interface Screen {
  folder: string;
  /** Variables by which programs find the screen. */
  env: Record<string, string>;
  /** How many notifications are on the screen. */
  displayed(): Promise<number>;
  /** Those that were closed, oldest first. */
  closed(): Promise<Seen[]>;
  /** Takes a picture of the screen, and returns its file. Undefined if no program here can. */
  picture(name: string): Promise<string | undefined>;
}

/** Starts an X server without hardware, a session bus and dunst, which end with the test. */
export async function startScreen(): Promise<Screen> {
  const folder = tempFolder();
  const start = (words: string[], env: Record<string, string> = {}) => {
    const child = Bun.spawn(words, {
      env: { PATH: process.env.PATH ?? "", HOME: folder, XDG_RUNTIME_DIR: folder, ...env },
      ...{ stdin: "ignore", stdout: "pipe", stderr: Bun.file(join(folder, `${words[0]}.err`)) },
    });
    afterAll(() => child.kill());
    return child;
  };
  const server = start(["Xvfb", "-displayfd", "1", "-screen", "0", "800x400x24", "-nolisten", "tcp"]);
  const DISPLAY = `:${await firstLineOf(server.stdout)}`;
  const bus = start(["dbus-daemon", "--session", "--nofork", "--print-address=1"]);
  const DBUS_SESSION_BUS_ADDRESS = await firstLineOf(bus.stdout);
  const env = { DISPLAY, DBUS_SESSION_BUS_ADDRESS, XDG_RUNTIME_DIR: folder };
  mkdirSync(join(folder, "dunst"));
  // Nothing leaves the screen by itself.
  writeFileSync(join(folder, "dunst/dunstrc"), "[urgency_normal]\ntimeout = 0\n");
  start(["dunst", "-config", join(folder, "dunst/dunstrc")], env);
  const run = (words: string[]) =>
    outputOf(words, { cwd: folder, env: { PATH: process.env.PATH ?? "", HOME: folder, ...env } });
  const displayed = async () => Number((await run(["dunstctl", "count", "displayed"])).stdout);
  await eventually("dunst answers", async () => (await run(["dunstctl", "is-paused"])).code === 0);
  return {
    folder,
    env,
    displayed,
    closed: async () => seenIn((await run(["dunstctl", "history"])).stdout),
    async picture(name) {
      const file = join(folder, `${name}.png`);
      if (Bun.which("import") === null) return undefined;
      return (await run(["import", "-window", "root", file])).code === 0 ? file : undefined;
    },
  };
}

async function firstLineOf(stream: ReadableStream<Uint8Array>): Promise<string> {
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of stream) {
    text += decoder.decode(chunk, { stream: true });
    if (text.includes("\n")) return text.split("\n")[0]?.trim() ?? "";
  }
  throw new Error("the program ended");
}

type Field = { data: unknown };

function seenIn(history: string): Seen[] {
  const { data } = JSON.parse(history) as { data: Record<string, Field>[][] };
  return (data[0] ?? [])
    .map(({ id, summary, body }) => ({
      id: Number(id?.data),
      summary: String(summary?.data),
      body: String(body?.data),
    }))
    .reverse();
}
