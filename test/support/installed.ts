import { afterAll } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { binary } from "./binary.ts";
import { DATA } from "./home.ts";
import { type Manager, ordinaryPath, systemctlStub } from "./managers.ts";
import { freePort } from "./port.ts";
import { outputOf } from "./process.ts";

export interface Ran {
  code: number | null;
  stdout: string;
  stderr: string;
  /** Each step's state, by its name. */
  steps: Record<string, string>;
}

/** A HOME of its own with a stub for systemctl and no client. */
export interface Machine {
  home: string;
  data: string;
  program: string;
  manager: Manager;
  /** A port that nobody listens at. */
  port: number;
  env: Record<string, string>;
  run(...args: string[]): Promise<Ran>;
}

export async function machine(name = "home", program = binary): Promise<Machine> {
  const home = join(mkdtempSync(join(tmpdir(), "aeb-test-")), name);
  mkdirSync(home, { recursive: true });
  afterAll(() => rmSync(join(home, ".."), { recursive: true, force: true, maxRetries: 3 }));
  const manager = systemctlStub();
  const env = { HOME: home, PATH: `${manager.folder}:${ordinaryPath()}`, SHELL: "/bin/zsh" };
  return {
    ...{ home, manager, env, data: join(home, DATA), port: await freePort() },
    program: join(home, ".local/bin/agent-event-bus"),
    run: (...args) => ran([program, ...args], env),
  };
}

export async function ran(command: string[], env: Record<string, string>): Promise<Ran> {
  const { stdout, stderr, code, signalled } = await outputOf(command, { env, cwd: "/" });
  const lines = stdout.matchAll(/^(done|unchanged|skipped|would do|FAILED) +(\w+)/gm);
  const steps = Object.fromEntries([...lines].map(([, state = "", what = ""]) => [what, state]));
  return { code: signalled ? null : code, stdout, stderr, steps };
}

/** True once a bus answers there. One that starts listens for a moment before, to see whether the port is free. */
export async function isServing(port: number): Promise<boolean> {
  return fetch(`http://127.0.0.1:${port}/health`).then(
    ({ ok }) => ok,
    () => false,
  );
}

export async function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(socket.destroy() !== undefined));
    socket.once("error", () => resolve(false));
  });
}
