import { busUrl, environment, type HookConfig, hookConfig, hookTimeout, machine } from "../config/client.ts";
import type { Json } from "../lib/json.ts";
import { isLoopbackUrl } from "../lib/loopback.ts";
import { createCall } from "../rpc/post.ts";
import { NotOurs } from "../rpc/send.ts";
import { type HookInput, isForeign, readInput } from "./input.ts";
import { HOOKS, type HookName } from "./names.ts";
import { write } from "./output.ts";
import type { Batch } from "./text.ts";
import { help, usage } from "./usage.ts";

/** One run of a hook. */
export interface HookCall {
  input: HookInput;
  config: HookConfig;
  /** This machine's name. */
  machine: string;
  /** The result of a tool; rejects when the bus does not give one in time. */
  call(tool: string, args: Json, timeoutMs?: number): Promise<Json>;
  format: "claude" | "plain" | "json";
  /** What every hook needs. Handed over, so that what only some hooks load shares no file with the others. */
  tools: { collect: typeof collect; confirm: typeof confirm; who: typeof who; write: typeof write };
}

/** What is taken at once. */
const MOST_EVENTS = 20;

const LOCAL_MS = 300;
const REMOTE_MS = 1_000;
/** For `wait`, which has no other bound. */
const LONGEST_INPUT_MS = 5_000;

/**
 * `agent-event-bus hook NAME`: what Claude Code (or another client) runs at one of its events, with JSON on stdin. Whatever
 * goes wrong with the bus, it ends with 0 and prints nothing within 300 ms (1 s for a bus on another machine), or the time
 * limit that is set. Only `wait` stays, and ends with 2 to wake its session. Ends the process, even while `stdin` is still
 * being read.
 */
export async function hook(argv: readonly string[], stdin?: Promise<string>): Promise<void> {
  if (argv.includes("--help") || argv.includes("-h")) return await help();
  const line = await usage(argv);
  if (line === null) process.exit();
  const config = hookConfig(environment);
  const url = readable(() => busUrl(line.url, environment));
  if (url === undefined) process.exit(0);
  // While it is read, what needs no input is made ready.
  const reading = readInput(line.format, stdin);
  const limit = readable(() => hookTimeout(environment)) ?? (isLoopbackUrl(url) ? LOCAL_MS : REMOTE_MS);
  if (line.name !== "wait") setTimeout(() => process.exit(0), limit);
  try {
    const late = setTimeout(() => process.exit(0), LONGEST_INPUT_MS);
    if (line.pid !== undefined) config.clientPid ??= line.pid;
    const ready = { config, machine: machine(), call: createCall({ ...config, url }), format: line.format };
    const input = await reading;
    clearTimeout(late);
    // A subagent's events are its session's business.
    if (input.agent_id !== undefined || (line.format === "claude" && isForeign(input))) process.exit(0);
    const tools = { collect, confirm, who, write };
    await runHook(line.name, { ...ready, input, tools }, limit);
  } catch {}
  process.exit(0);
}

/** Undefined when the settings cannot be read: `doctor` says so, a hook does not. */
function readable<T>(setting: () => T): T | undefined {
  try {
    return setting();
  } catch {
    return undefined;
  }
}

async function runHook(name: HookName, run: HookCall, limit: number): Promise<void> {
  switch (name) {
    case "session-start": {
      const text = await (await import("./start.ts")).start(run).catch((error) => warn(error, run.format));
      if (text !== null) await tell(name, text, run.format);
      return;
    }
    case "stop":
      return run.input.stop_hook_active ? undefined : deliver(name, run);
    case "wait":
      return (await import("./wait.ts")).wait(run, limit);
    case "session-end":
      return (await import("./end.ts")).end(run);
    default:
      return deliver(name, run);
  }
}

/** Hands over what is unread, and only then says that it was shown. */
async function deliver(name: "prompt" | "tool" | "stop", run: HookCall): Promise<void> {
  const batch = await collect(name, run);
  if (batch === null || batch.events.length === 0) return;
  const { handOver, visibleJson } = await import("./text.ts");
  const { text, shown } = handOver(batch, Date.now());
  if (run.format === "json") await write(1, visibleJson({ ...batch, events: shown, text }));
  else await tell(name, text, run.format);
  await confirm(run, batch, shown.length);
}

/** What is unread for the session, which is registered first if the bus does not know it; null when there is none. */
async function collect(
  path: "prompt" | "tool" | "stop" | "wake",
  run: HookCall,
  waitSeconds?: number,
  idleMs?: number,
): Promise<(Batch & { left?: boolean; stops?: boolean }) | null> {
  const client_id = run.input.session_id ?? run.config.sessionId;
  if (client_id === undefined) return null;
  const args: Json = { ...who(run), path, limit: MOST_EVENTS };
  if (waitSeconds !== undefined) {
    args.wait_seconds = waitSeconds;
    args.running_ms = Math.round(idleMs ?? performance.now());
  }
  const patience = waitSeconds === undefined ? undefined : (waitSeconds + 15) * 1000;
  const batch = await run.call("collect_events", args, patience);
  if (batch.unknown !== true) return batch as unknown as Batch;
  if (path === "wake") return null;
  const { register } = await import("./start.ts");
  await register(run);
  return (await run.call("collect_events", args)) as unknown as Batch;
}

/** How the bus finds the session: the client's id of it, and its process where that is known. */
function who({ input, config, machine }: HookCall): Json {
  return {
    client_id: input.session_id ?? config.sessionId,
    machine,
    ...(config.clientPid !== undefined && { pid: config.clientPid }),
  };
}

/** Says that the first `count` events of a batch were shown. */
async function confirm(run: HookCall, batch: Batch, count: number): Promise<void> {
  const shown = batch.events.slice(0, count);
  const next = batch.events[count];
  const args: Json = {
    ...who(run),
    event_ids: shown.map(({ id }) => String(id)),
  };
  const unshown = batch.events.slice(count).filter(({ repeat }) => !repeat);
  if (unshown.length > 0) args.unshown = unshown.map(({ id }) => String(id));
  if (batch.cursor !== undefined) args.cursor = String(next === undefined ? batch.cursor : next.id - 1);
  await run.call("confirm_events", args);
}

/** Tells the user, not the agent, that another user's program listens where the bus should. Every other error is silent. */
async function warn(error: unknown, format: HookCall["format"]): Promise<null> {
  if (error instanceof NotOurs && format === "claude")
    await write(1, JSON.stringify({ systemMessage: `agent-event-bus: ${error.message}` }));
  return null;
}

/** Writes to stdout at once: what is written counts as shown. */
async function tell(name: HookName, text: string, format: HookCall["format"]): Promise<void> {
  const claude = { hookSpecificOutput: { hookEventName: HOOKS[name].events[0], additionalContext: text } };
  await write(1, format === "plain" ? text : JSON.stringify(format === "json" ? { text } : claude));
}
