import { afterAll } from "bun:test";
import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PROCESS_HEADER } from "../../src/config/client.ts";
import { processStart } from "../../src/lib/process.ts";
import { fresh } from "./agent.ts";
import type { TestBus } from "./bus.ts";
import { tempFolder } from "./folder.ts";
import type { Proved } from "./proof_bus.ts";
import { eventually } from "./webhook.ts";

const PATH = process.env.PATH ?? "";

/** A shell command that asks a URL once, in its own name, and the answer when it has come. */
export interface Question {
  command: string;
  answer(): Promise<Proved>;
}

/** `more`: further words for curl, each quoted for a shell. `process`: whom the header names, this command itself if absent. */
export function question(url: string, more = "", process = "$$"): Question {
  const folder = tempFolder();
  const [script, answer] = [join(folder, "ask"), join(folder, "answer")];
  const header = process === "" ? "" : `-H "${PROCESS_HEADER}: ${process}"`;
  writeFileSync(
    script,
    `#!/bin/bash\nexec curl -s -X POST -H 'content-type: application/json' ${header} -d '{}' -o ${answer}.part -w '%{onerror}%{errormsg}' ${more} ${url}\n`,
  );
  chmodSync(script, 0o755);
  return { command: script, answer: () => answerIn(`${answer}.part`) };
}

/** The answer in a file, when it has come. */
export async function answerIn(file: string): Promise<Proved> {
  let found: Proved | undefined;
  await eventually("the bus answers", () => {
    try {
      found = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : undefined;
    } catch {}
    return found !== undefined;
  });
  return found as Proved;
}

/** A client's process that runs what it is told to, like an agent's. */
export interface Agent {
  pid: number;
  run(command: string): void;
  /** Registers its session at a bus, as the hook does. */
  register(bus: TestBus): Promise<string>;
}

export function startAgent(env: Record<string, string> = {}): Agent {
  // Each command runs in a shell of its own, as with an agent's tool.
  const child = Bun.spawn(["bash", "-c", 'while IFS= read -r line; do bash -c "$line" </dev/null; done'], {
    env: { PATH, HOME: tempFolder(), ...env },
    stdin: "pipe",
    stdout: "ignore",
    stderr: "ignore",
  });
  afterAll(() => child.kill("SIGKILL"));
  return {
    pid: child.pid,
    run(command) {
      child.stdin.write(`${command}\n`);
      child.stdin.flush();
    },
    async register(bus) {
      const client_id = fresh("agent");
      const place = { name: client_id, cwd: "/tmp", repo: "r" };
      const mark = { pid: child.pid, pid_started: processStart(child.pid) };
      await bus.call("start_session", { client_id, ...place, ...mark });
      return client_id;
    },
  };
}

/** Runs a command as a person does: in a shell with a terminal. */
export function type(command: string, env: Record<string, string> = {}): void {
  const child = Bun.spawn(["bash", "-c", `${command}; read -r`], {
    env: { PATH, HOME: tempFolder(), TERM: "xterm", ...env },
    terminal: { cols: 80, rows: 24, data() {} },
  });
  afterAll(() => child.kill("SIGKILL"));
}
