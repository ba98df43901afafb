import { branchOf } from "../lib/git.ts";
import type { Json } from "../lib/json.ts";
import type { HookInput } from "./input.ts";
import type { Batch } from "./text.ts";
import type { HookCall } from "./types.ts";

const MOST_EVENTS = 20;
const MARGIN_SECONDS = 15;
/** Reasons after which the user goes on in the same process. The session that starts next takes this one over. */
const GOES_ON = ["clear", "resume"];

export type HookSession = ReturnType<typeof sessionOf>;

/** The answer of `collect_events`. */
interface Collected extends Batch {
  /** The bus does not know the session. */
  unknown?: true;
  /** The session is at work again, or has a newer waiter. */
  left?: boolean;
  /** The bus stops. */
  stops?: boolean;
}

/** The session that a hook runs for, as the bus knows it. */
export function sessionOf(run: HookCall) {
  const { clientId, machine, config, call } = run;
  /** The arguments by which the bus finds the session. */
  const identity = {
    client_id: clientId,
    machine,
    ...(config.clientPid !== undefined && { pid: config.clientPid }),
  };
  const collectEvents = async (args: Json, timeoutMs?: number) =>
    (await call(
      "collect_events",
      { ...identity, limit: MOST_EVENTS, digests: true, ...args },
      timeoutMs,
    )) as unknown as Collected;
  return {
    /** Takes what is unread, and registers the session first if the bus does not know it. Null without a session. */
    async collect(path: "prompt" | "tool" | "stop"): Promise<Collected | null> {
      if (clientId === undefined) return null;
      const args = { path, ...(await work(run, path)) };
      const batch = await collectEvents(args);
      if (batch.unknown !== true) return batch;
      await (await import("./register.ts")).register(run);
      return collectEvents(args);
    },

    /** Waits for events that wake a session, which has been idle for `idleMs`. Null if the bus does not know it. */
    async waitFor(seconds: number, idleMs: number): Promise<Collected | null> {
      if (clientId === undefined) return null;
      const waiting = { path: "wake", wait_seconds: seconds, running_ms: Math.round(idleMs) };
      const batch = await collectEvents(waiting, (seconds + MARGIN_SECONDS) * 1000);
      return batch.unknown === true ? null : batch;
    },

    /** Confirms that the first `count` events of a batch were shown, in a text of `bytes`. */
    confirm: (batch: Batch, count: number, path: string, bytes: number) =>
      call("confirm_events", { ...identity, ...confirmation(batch, count), path, bytes }),

    end: () => end(run, identity),
  };
}

/** Unregisters the session of a client that ends. */
async function end({ input, clientId, call }: HookCall, identity: Json): Promise<void> {
  if (clientId === undefined || GOES_ON.includes(input.reason ?? "")) return;
  // Uses its own id, because another process of the client may have a session under the same client_id.
  const { session_id } = await call("confirm_events", { ...identity, event_ids: [] });
  if (session_id !== undefined) await call("unregister_session", { session_id });
}

/** The part of a report that only this hook knows. */
async function work({ input }: HookCall, path: string): Promise<Json> {
  if (path === "tool") return isOfBus(input) ? { bus_tool: true } : {};
  const branch = await branchOf(input.cwd ?? process.cwd());
  const begun = path === "prompt" && !isByUser(input);
  return { ...(branch !== null && { branch }), ...(begun && { bus_tool: true }) };
}

/** False for a turn that the end of a background command began, as that of a waiter which wakes its session. */
function isByUser({ source = "user", prompt = "" }: HookInput): boolean {
  return source === "user" && !prompt.startsWith("<task-notification>");
}

/** True for a tool of the bus, its command in a shell, and the search for a tool: they are no sign of other work. */
function isOfBus({ tool_name = "", command = "" }: HookInput): boolean {
  return BUS_TOOL.test(tool_name) || BUS_COMMAND.test(command);
}

/** The bus's own tools, as an MCP server of its name or of a plugin of its name. */
const BUS_TOOL = /^(mcp__(plugin_)?agent-event-bus_|ToolSearch$)/;
const BUS_COMMAND = /^\s*(?:'[^']*|"[^"]*|\S*)agent-event-bus['"]?(?:\s|$)/;

function confirmation({ events, seen_to, cursor = seen_to }: Batch, count: number): Json {
  const left = events.slice(count);
  const next = left.find(({ channel }) => !channel.startsWith("session:"));
  const unshown = left.filter(({ repeat }) => !repeat);
  return {
    event_ids: idsOf(events.slice(0, count)),
    ...(unshown.length > 0 && { unshown: idsOf(unshown) }),
    ...(cursor !== undefined && { cursor: String(next === undefined ? cursor : next.id - 1) }),
  };
}

function idsOf(events: readonly { id: number }[]): string[] {
  return events.map(({ id }) => String(id));
}
