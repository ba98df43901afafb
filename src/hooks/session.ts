import type { Json } from "../lib/json.ts";
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
      { ...identity, limit: MOST_EVENTS, ...args },
      timeoutMs,
    )) as unknown as Collected;
  return {
    /** Takes what is unread, and registers the session first if the bus does not know it. Null without a session. */
    async collect(path: "prompt" | "tool" | "stop"): Promise<Collected | null> {
      if (clientId === undefined) return null;
      const batch = await collectEvents({ path });
      if (batch.unknown !== true) return batch;
      await (await import("./register.ts")).register(run);
      return collectEvents({ path });
    },

    /** Waits for events that wake a session, which has been idle for `idleMs`. Null if the bus does not know it. */
    async waitFor(seconds: number, idleMs: number): Promise<Collected | null> {
      if (clientId === undefined) return null;
      const waiting = { path: "wake", wait_seconds: seconds, running_ms: Math.round(idleMs) };
      const batch = await collectEvents(waiting, (seconds + MARGIN_SECONDS) * 1000);
      return batch.unknown === true ? null : batch;
    },

    /** Confirms that the first `count` events of a batch were shown. */
    async confirm(batch: Batch, count: number): Promise<void> {
      await call("confirm_events", { ...identity, ...confirmation(batch, count) });
    },

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

function confirmation({ events, cursor }: Batch, count: number): Json {
  const next = events[count];
  const unshown = events.slice(count).filter(({ repeat }) => !repeat);
  return {
    event_ids: idsOf(events.slice(0, count)),
    ...(unshown.length > 0 && { unshown: idsOf(unshown) }),
    ...(cursor !== undefined && { cursor: String(next === undefined ? cursor : next.id - 1) }),
  };
}

function idsOf(events: readonly { id: number }[]): string[] {
  return events.map(({ id }) => String(id));
}
