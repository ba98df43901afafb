// Every state that a machine's bus can be in, for the tests of the commands that lead to a bus that runs.
import { afterAll, expect, test } from "bun:test";
import { appendFileSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { binary } from "../support/binary.ts";
import { startBus } from "../support/bus.ts";
import { editor } from "../support/doctor.ts";
import { tempFolder } from "../support/folder.ts";
import { isServing, type Machine, machine, ran } from "../support/installed.ts";
import { ordinaryPath } from "../support/managers.ts";
import { buildRelease } from "../support/releases.ts";
import { put } from "../support/tree.ts";
import { endUsers, newUser, noUsers, squat } from "../support/users.ts";

export interface Prepared extends Machine {
  /** Runs a line in a shell of that machine. */
  sh(line: string): Promise<{ code: number | null; text: string }>;
  /** Stops its bus, once and for all. */
  end(): Promise<void>;
}

const ends: (() => unknown)[] = [];
/** Those whose bus may still run. */
const running = new Set<Prepared>();
afterAll(async () => {
  for (const it of running) await it.end();
  for (const end of ends) await end();
  endUsers();
});

export const INSTALL = "install server --yes --no-hooks --no-mcp";

export async function prepared(manager: boolean): Promise<Prepared> {
  const it = await machine();
  const bin = join(it.program, "..");
  const folders = [bin, ...(manager ? [it.manager.folder] : []), ordinaryPath()];
  const env = { ...it.env, PATH: folders.join(":"), ...editor('sed -i s/odd// "$file"') };
  const sh = async (line: string) => {
    const ended = await ran(["sh", "-c", line], env);
    return { code: ended.code, text: `${ended.stdout}${ended.stderr}` };
  };
  const end = async () => {
    if ((await ran([binary, "stop"], env)).code === 0) running.delete(made);
  };
  const made: Prepared = { ...it, env, sh, end };
  running.add(made);
  return made;
}

/** Installs as a user does. The executable is a second name of the one that is tested. */
async function installed(it: Prepared, more = ""): Promise<void> {
  mkdirSync(join(it.program, ".."), { recursive: true });
  linkSync(binary, it.program);
  const { code, text } = await it.sh(`agent-event-bus ${INSTALL} --port ${it.port} ${more}`);
  expect([code, text]).toEqual([0, text]);
}

async function stopped(it: Prepared): Promise<void> {
  expect((await it.sh("agent-event-bus stop")).code).toBe(0);
}

async function byHand(it: Prepared, program = binary): Promise<Bun.Subprocess> {
  const bus = Bun.spawn([program, "serve"], { env: it.env, cwd: "/", stdio: ["ignore", "ignore", "ignore"] });
  ends.push(() => bus.kill("SIGKILL"));
  while (!(await isServing(it.port))) await Bun.sleep(20);
  return bus;
}

type Prepare = (it: Prepared) => Promise<unknown>;

if (noUsers !== null) console.log(`skipped: a port of another user, ${noUsers}`);
let older: Promise<string> | undefined;

export const STATES: readonly (readonly [state: string, prepare: Prepare, manager?: boolean])[] = [
  ["nothing is installed", async (it) => put(join(it.data, "settings.env"), `PORT=${it.port}\n`, 0o600)],
  ["installed, and its service runs", (it) => installed(it)],
  ["installed with --no-service", (it) => installed(it, "--no-service")],
  [
    "its service was stopped",
    async (it) => {
      await installed(it);
      await stopped(it);
    },
  ],
  [
    "its service was disabled",
    async (it) => {
      await installed(it);
      await it.sh("systemctl --user stop x; systemctl --user disable x");
    },
  ],
  [
    "no service manager",
    async (it) => {
      await installed(it);
      await stopped(it);
    },
    false,
  ],
  [
    "started by hand, its service stopped",
    async (it) => {
      await installed(it);
      await stopped(it);
      await byHand(it);
    },
  ],
  [
    "started by hand, without an installation",
    async (it) => {
      put(join(it.data, "settings.env"), `PORT=${it.port}\n`, 0o600);
      await byHand(it);
    },
  ],
  [
    "started by hand, and it hangs",
    async (it) => {
      await installed(it, "--no-service");
      (await byHand(it)).kill("SIGSTOP");
    },
  ],
  [
    "it listens elsewhere than settings.env says",
    async (it) => {
      await installed(it, "--no-service");
      await byHand(it);
      put(join(it.data, "settings.env"), `PORT=${it.port + 1}\n`, 0o600);
    },
  ],
  [
    "another program has the port",
    async (it) => {
      await installed(it);
      await stopped(it);
      const other = createServer((socket) => socket.end("HTTP/1.1 418 no\r\n\r\nteapot"));
      await new Promise<void>((resolve) => other.listen(it.port, "127.0.0.1", resolve));
      ends.push(() => other.close());
    },
  ],
  [
    "a bus with another database has the port",
    async (it) => {
      await installed(it);
      await stopped(it);
      await startBus("binary", { args: ["--port", String(it.port)], outlives: true }).then((bus) =>
        ends.push(() => bus.kill()),
      );
    },
  ],
  [
    "an older bus runs",
    async (it) => {
      await installed(it, "--no-service");
      older ??= buildRelease(tempFolder(true), "0.0.9");
      await byHand(it, await older);
    },
  ],
  [
    "settings.env cannot be used",
    async (it) => {
      await installed(it);
      await stopped(it);
      put(join(it.data, "settings.env"), `PORT=${it.port}\nodd\n`, 0o600);
    },
  ],
  [
    "its service runs another program",
    async (it) => {
      await installed(it);
      await stopped(it);
      const unit = join(it.home, ".config/systemd/user/agent-event-bus.service");
      writeFileSync(
        unit,
        readFileSync(unit, "utf8").replace(
          /^ExecStart=.*$/m,
          "ExecStart=/usr/bin/python3 -m agent_event_bus.server",
        ),
      );
    },
  ],
  ...(noUsers === null
    ? ([
        [
          "another user has the port",
          async (it) => {
            await installed(it);
            await stopped(it);
            const other = await squat(newUser(4203), it.port);
            ends.push(() => other.stop());
          },
        ],
      ] as const satisfies (readonly [string, Prepare])[])
    : []),
];

/** The command that a text proposes. */
export function adviceIn(text: string, program: string): string | undefined {
  // A stop is a step on the way to what was refused before it.
  if (text.startsWith("Stopped: ")) return undefined;
  const lines = text.trim().split("\n");
  const repair = lines.find((line) => /^ {6}\S/.test(line))?.trim();
  if (repair !== undefined) return repair.split(" (the bus runs here)")[0];
  const last = lines.at(-1) ?? "";
  const port = /another --port: --port (\d+)\.$/.exec(last)?.[1];
  if (port !== undefined) return `${program} ${INSTALL} --port ${port}`;
  const first = /\((\S+ stop)\), then run this again\.$/.exec(last)?.[1];
  if (first !== undefined) return first;
  const edited = /("\$\{EDITOR.*), then run this again\.$/.exec(last)?.[1];
  if (edited !== undefined) return edited;
  const edit = /("\$\{EDITOR.*), then: (.*)$/.exec(last);
  if (edit !== null) return `${edit[1]} && ${edit[2]}`;
  const moved = /To take another port: (.*?)(?:\. If you mean.*)?$/.exec(last)?.[1];
  const said = moved ?? /: ((?:\S*agent-event-bus|sudo kill|kill) .*)$/.exec(last)?.[1];
  return said?.replace(/install server(?! --yes)/, INSTALL);
}

export const table: string[] = [];

const MOST_STEPS = 5;

/** Runs a command, then what it proposes, until the bus runs. Never the same twice in a row. */
export async function follow(it: Prepared, command: string): Promise<string[]> {
  const program = (await it.sh("command -v agent-event-bus")).code === 0 ? "agent-event-bus" : binary;
  const done: string[] = [];
  const again: string[] = [];
  let line = `${program} ${command}${command === INSTALL ? ` --port ${it.port}` : ""}`;
  while (done.length < MOST_STEPS) {
    const { code, text } = await it.sh(line);
    done.push(`$ ${line}\n[${code}] ${text.trim()}`);
    if (code === 0 && (await it.sh(`'${binary}' status`)).code === 0) return done;
    if (/then run this again|^ {6}"\$\{EDITOR/m.test(text)) again.push(line);
    const next = adviceIn(text, program) ?? again.pop();
    if (next === undefined || next === line) throw new Error(`no way on from:\n${done.join("\n")}`);
    line = next;
  }
  throw new Error(`a circle:\n${done.join("\n")}`);
}

/** Tests that following a command's text leads to a bus that runs, from each state. */
export function testAdvice(commands: readonly string[]): void {
  for (const [state, prepare, manager = true] of STATES) {
    for (const command of commands)
      test(`${state}: what ${command.split(" --")[0]} says leads to a bus that runs`, async () => {
        const it = await prepared(manager);
        await prepare(it);
        const done = await follow(it, command);
        table.push(`== ${state}: ${command.split(" --")[0]}`, ...done, "");
        await it.end();
        rmSync(it.program, { force: true });
      }, 90_000);
  }
}

afterAll(() => {
  const file = process.env.STATES_TABLE;
  if (file) appendFileSync(file, table.join("\n"));
});
