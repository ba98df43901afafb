import { machineIn } from "../hooks/session.ts";
import type { Json } from "../lib/json.ts";
import { type Bus, busOf, callBus } from "./bus.ts";
import type { Engine } from "./engine.ts";
import { sessionCall } from "./session.ts";

/** Claude Code ends a request after 30 s. */
const WATCH_SECONDS = 20;
const MARGIN_SECONDS = 5;

/** Facts about the inbox of the client's session, so that a prompt and a tool use need not wait for the bus. */
const inbox = {
  clientId: undefined as string | undefined,
  /** The bus told of all events up to this one. */
  cursor: undefined as string | undefined,
  /** A call tells of the next event. */
  isWatched: false,
  /** Messages may come without an event, at the end of the mute. */
  isMuted: false,
  /** Something may wait for the next tool use, or for the next prompt. */
  tool: true,
  prompt: true,
};

/** True if nothing waits for that session. False if that is not known. */
export function isEmpty(path: "prompt" | "tool", clientId: unknown): boolean {
  return inbox.isWatched && inbox.clientId === clientId && !inbox.isMuted && !inbox[path];
}

/** Notes that the inbox is read now. The bus tells of what comes later. */
export function noteRead(path: "prompt" | "tool" | "stop"): void {
  if (!inbox.isWatched || path === "stop") return;
  inbox.tool = false;
  if (path === "prompt") inbox.prompt = false;
}

/** Notes that something may wait. */
export function noteUnread(): void {
  inbox.tool = true;
  inbox.prompt = true;
}

let watches = false;

/**
 * Keeps a call to the bus that tells of new events, until one fails. Only for an interactive client: another one takes no
 * prompt while a call of a mod is open.
 */
export async function watch($: Engine): Promise<void> {
  if (watches) return;
  watches = true;
  try {
    for (;;) await watchOnce($, await busOf($));
  } catch {
    // Hooks ask themselves until the next turn, or until the bus answers again.
  } finally {
    watches = false;
    Object.assign(inbox, { cursor: undefined, isWatched: false });
  }
}

/** @throws Error if the bus stops, or does not know the session. */
async function watchOnce($: Engine, bus: Bus): Promise<void> {
  const { clientId, machine, machineId } = await sessionCall($, bus, {});
  if (inbox.clientId !== clientId) {
    Object.assign(inbox, { clientId, cursor: undefined, isWatched: false });
    noteUnread();
  }
  const { cursor } = inbox;
  const whose = { client_id: clientId, ...machineIn({ machine, machineId }) };
  const wanted = { ...whose, wait_seconds: WATCH_SECONDS, ...(cursor !== undefined && { cursor }) };
  take(await callBus($, bus, "watch_session", wanted, (WATCH_SECONDS + MARGIN_SECONDS) * 1_000));
}

function take({ cursor, push, muted, stops }: Json): void {
  if (typeof cursor !== "string" || stops === true) throw new Error("the bus does not watch the session");
  if (push === "hand_over" || inbox.isMuted) noteUnread();
  else if (push === "digest") inbox.prompt = true;
  Object.assign(inbox, { cursor, isMuted: muted === true, isWatched: true });
}
