import { chmodSync, chownSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { binary } from "./binary.ts";
import { type ProcessBus, startBus } from "./bus.ts";
import { removeFolders, tempFolder } from "./folder.ts";
import { DATA } from "./home.ts";
import { PATIENT } from "./hooks.ts";
import { freePort } from "./port.ts";
import { type Ended, runIn } from "./process.ts";

/** Why processes of other users cannot be started here; null when they can. */
export const noUsers =
  process.platform !== "linux"
    ? "not Linux"
    : process.getuid?.() !== 0
      ? "not root"
      : Bun.which("setpriv") === null
        ? "no setpriv"
        : null;

/** A user of this machine with a HOME of its own. */
export interface User {
  uid: number;
  home: string;
  /** Words in front of a program that this user runs. */
  inside: readonly string[];
  /** The executable, where every user can run it. */
  program: readonly string[];
  /** Puts a file of this user into its HOME. */
  write(name: string, text: string): string;
  /** Runs the executable, a hook with patience. */
  run(args: readonly string[], options?: RunOptions): Promise<Ended>;
  /** Starts a bus whose database and logs are in the data directory. */
  serve(options?: { env?: Record<string, string> }): Promise<ProcessBus>;
}

export interface RunOptions {
  env?: Record<string, string>;
  stdin?: string;
}

let copy: string | undefined;
const started = new Set<() => void>();

/** Ends what users started and removes their folders. They outlive the test that asks for them. */
export function endUsers(): void {
  for (const end of started) end();
  started.clear();
  removeFolders();
  copy = undefined;
}

// The checkout may be in a folder that other users cannot enter.
function programForAll(): string {
  if (copy !== undefined) return copy;
  const folder = tempFolder(true);
  chmodSync(folder, 0o755);
  copy = join(folder, "agent-event-bus");
  copyFileSync(binary, copy);
  chmodSync(copy, 0o755);
  return copy;
}

/** A user with this number, which no account needs to have. */
export function newUser(uid: number): User {
  const folder = tempFolder(true);
  chmodSync(folder, 0o755);
  const home = join(folder, "home");
  mkdirSync(home, { mode: 0o700 });
  chownSync(home, uid, uid);
  const inside = uid === 0 ? [] : ["setpriv", `--reuid=${uid}`, `--regid=${uid}`, "--clear-groups"];
  const env = { PATH: process.env.PATH ?? "", HOME: home, ...PATIENT };
  const program = [programForAll()];
  return {
    ...{ uid, home, inside, program },
    write(name, text) {
      const parts = name.split("/");
      for (let i = 1; i < parts.length; i++) {
        const one = join(home, ...parts.slice(0, i));
        mkdirSync(one, { recursive: true, mode: 0o700 });
        chownSync(one, uid, uid);
      }
      const file = join(home, name);
      writeFileSync(file, text, { mode: 0o600 });
      chownSync(file, uid, uid);
      return file;
    },
    run: (args, { env: more, stdin } = {}) =>
      runIn([...inside, ...program, ...args], { cwd: home, env: { ...env, ...more }, stdin }),
    async serve({ env: more } = {}) {
      const bus = await startBus("binary", {
        ...{ folder: home, inside, outlives: true, program },
        args: ["--db", join(home, DATA, "data.db")],
        env: { AGENT_EVENT_BUS_LOG: "", AGENT_EVENT_BUS_ERR: "", ...more },
      });
      started.add(() => bus.process.kill("SIGKILL"));
      return bus;
    },
  };
}

/** A program of a user that accepts connections on 127.0.0.1 and keeps every byte. */
export interface Squatter {
  port: number;
  /** What was sent to it, of all connections. */
  bytes(): string;
  stop(): Promise<void>;
}

export async function squat(user: User, wanted?: number, host = "127.0.0.1"): Promise<Squatter> {
  const { home, inside, write } = user;
  const port = wanted ?? (await freePort());
  const taken = write("taken", "");
  const script = write("squat.mjs", SQUAT);
  const bun = join(home, "bun");
  copyFileSync(process.execPath, bun);
  chmodSync(bun, 0o755);
  const child = Bun.spawn([...inside, bun, script, String(port), host, taken], {
    cwd: home,
    env: { HOME: home },
    stdout: "pipe",
    stderr: "inherit",
  });
  const stop = async () => {
    child.kill("SIGKILL");
    await child.exited;
  };
  started.add(() => child.kill("SIGKILL"));
  for await (const line of child.stdout)
    return { port: Number(new TextDecoder().decode(line)), bytes: () => readFileSync(taken, "latin1"), stop };
  throw new Error(`nothing listens at ${host}:${port}`);
}

/** Answers every request as a bus that wants a token, so that a caller would send one. */
const SQUAT = `import { appendFileSync } from "node:fs";
import { createServer } from "node:net";
const [port, host, taken] = process.argv.slice(2);
const answer = JSON.stringify({ error: "This bus needs a token." });
const server = createServer((socket) => {
  socket.on("error", () => {});
  socket.on("data", (bytes) => {
    appendFileSync(taken, bytes);
    socket.end("HTTP/1.1 401 Unauthorized\\r\\ncontent-type: application/json\\r\\ncontent-length: " + answer.length + "\\r\\n\\r\\n" + answer);
  });
});
server.listen(Number(port), host, () => console.log(server.address().port));
`;
