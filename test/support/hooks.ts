import { afterAll } from "bun:test";
import { mkdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Subprocess } from "bun";
import { type Kind, programOf, type TestBus } from "./bus.ts";
import { tempFolder } from "./folder.ts";

export type Format = "claude" | "plain" | "json";

/** What a client's hook runs with. */
export interface HookOptions {
  /** Written to stdin; an object as JSON. */
  input?: unknown;
  url?: string | undefined;
  env?: Record<string, string>;
  cwd?: string;
  args?: readonly string[];
  kind?: Kind;
  /** The words of another executable than the one under test. */
  program?: readonly string[];
  /** Words in front of the program, like `ip netns exec NAME`. */
  inside?: readonly string[];
}

export interface Ran {
  stdout: string;
  stderr: string;
  code: number | null;
  ms: number;
}

export type HookProcess = Subprocess<"pipe", "pipe", "pipe">;

const empty = join(tmpdir(), `aeb-test-hooks-${crypto.randomUUID()}`);

/** A HOME that no hook writes to. */
function home(): string {
  mkdirSync(empty, { recursive: true });
  afterAll(() => rmSync(empty, { recursive: true, force: true }));
  return empty;
}

/** Environment of a hook that a test runs for what it does. Not for `wait`, which would begin later. */
export const PATIENT = { AGENT_EVENT_BUS_HOOK_TIMEOUT: "30000" };
/** Environment of a hook that a test runs for its time limit. */
export const AS_INSTALLED = { AGENT_EVENT_BUS_HOOK_TIMEOUT: "" };

/** Starts a hook and leaves its stdin open. */
export async function spawnHook(name: string, options: HookOptions = {}): Promise<HookProcess> {
  const { kind = "binary", inside = [], args = [], cwd, env, url } = options;
  const program = options.program ?? (await programOf(kind));
  const child = Bun.spawn([...inside, ...program, "hook", name, ...args], {
    cwd: cwd ?? home(),
    env: {
      ...{ PATH: process.env.PATH ?? "", HOME: home() },
      ...(url !== undefined && { AGENT_EVENT_BUS_URL: url }),
      ...(name !== "wait" && PATIENT),
      ...env,
    },
    ...{ stdin: "pipe", stdout: "pipe", stderr: "pipe" },
  });
  afterAll(() => child.kill("SIGKILL"));
  return child;
}

/** Runs a hook to its end; `code` is null when it had to be killed after a minute. */
export async function runHook(name: string, options: HookOptions = {}): Promise<Ran> {
  const began = performance.now();
  const child = await spawnHook(name, options);
  const { input = "" } = options;
  await feed(child, typeof input === "string" || input instanceof Uint8Array ? input : JSON.stringify(input));
  return { ...(await ended(child)), ms: performance.now() - began };
}

/** Writes all of its stdin. A hook that has nothing to read it for may have ended before. */
async function feed({ stdin }: HookProcess, input: string | Uint8Array): Promise<void> {
  try {
    stdin.write(input);
    await stdin.end();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EPIPE") throw error;
  }
}

/** What a hook printed, and its exit code. */
export async function ended(child: HookProcess, ms = 60_000): Promise<Omit<Ran, "ms">> {
  const late = setTimeout(() => child.kill("SIGKILL"), ms);
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  clearTimeout(late);
  return { stdout, stderr, code: child.exitCode };
}

/** What the model is told: the one JSON document on stdout, as Claude Code reads it. Empty when there is none. */
export function told({ stdout }: { stdout: string }, event?: string): string {
  if (stdout === "") return "";
  const { hookSpecificOutput, systemMessage: _, ...more } = JSON.parse(stdout);
  const { hookEventName = event, additionalContext = "" } = hookSpecificOutput ?? {};
  if (Object.keys(more).length > 0 || (event !== undefined && hookEventName !== event))
    throw new Error(`not what ${event} prints: ${stdout}`);
  return additionalContext;
}

/** What the user is shown. Empty when there is nothing. */
export function shown({ stdout }: { stdout: string }): string {
  return stdout === "" ? "" : (JSON.parse(stdout).systemMessage ?? "");
}

/** A session of a client, without the client: a process that sleeps, and the hooks that the client would run. */
export interface Client {
  /** Its own id of the session. */
  id: string;
  pid: number;
  cwd: string;
  url: string;
  /** Runs a hook as this client does. */
  run(name: string, more?: HookOptions & { with?: object }): Promise<Ran>;
  /** The text that a hook hands over. */
  read(
    name: "session-start" | "prompt" | "tool" | "stop",
    more?: HookOptions & { with?: object },
  ): Promise<string>;
  /** Starts a waiter; its stdin is closed. */
  wait(more?: HookOptions & { with?: object }): Promise<HookProcess>;
  /** Kills the client's process. */
  kill(): Promise<void>;
}

const EVENTS = {
  "session-start": "SessionStart",
  prompt: "UserPromptSubmit",
  tool: "PostToolUse",
  stop: "Stop",
};

let clients = 0;

/** A client that has not run any hook yet. */
export function newClient(
  bus: Pick<TestBus, "url">,
  { id = `client-${process.pid}-${++clients}`, pid, cwd = tempFolder() }: Partial<Client> = {},
): Client {
  const sleeper = pid === undefined ? sleep() : undefined;
  const own = sleeper?.pid ?? Number(pid);
  const optionsOf = ({ with: fields, ...more }: HookOptions & { with?: object } = {}): HookOptions => ({
    url: bus.url,
    cwd,
    input: { session_id: id, cwd, ...fields },
    ...more,
    env: { CLAUDE_PID: String(own), CLAUDE_CODE_ENTRYPOINT: "cli", ...more.env },
  });
  return {
    ...{ id, pid: own, cwd, url: bus.url },
    run: (name, more) => runHook(name, optionsOf(more)),
    async read(name, more) {
      const ran = await runHook(name, optionsOf(more));
      if (ran.code !== 0 || ran.stderr !== "") throw new Error(`${name}: ${ran.code} ${ran.stderr}`);
      return told(ran, EVENTS[name]);
    },
    async wait(more) {
      const options = optionsOf(more);
      const child = await spawnHook("wait", options);
      child.stdin.write(JSON.stringify(options.input));
      await child.stdin.end();
      return child;
    },
    async kill() {
      sleeper?.kill("SIGKILL");
      await sleeper?.exited;
    },
  };
}

/** A client whose session is registered. */
export async function startClient(bus: Pick<TestBus, "url">, options: Partial<Client> = {}): Promise<Client> {
  const client = newClient(bus, options);
  if ((await client.read("session-start")) === "") throw new Error(`${client.id} could not be registered`);
  return client;
}

function sleep(): Subprocess {
  const child = Bun.spawn(["sleep", "900"], { stdio: ["ignore", "ignore", "ignore"] });
  afterAll(() => child.kill("SIGKILL"));
  return child;
}

/** The ids of the events in a text that was handed over, and which of them are marked as repeats. */
export function eventsIn(text: string): { id: number; repeat: boolean }[] {
  return [...text.matchAll(/^#(\d+) \((.*)\)$/gm)].map(([, id, facts = ""]) => ({
    id: Number(id),
    repeat: facts.split(", ").includes("may be a repeat"),
  }));
}
