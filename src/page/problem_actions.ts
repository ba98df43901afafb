import type { Json } from "../lib/json.ts";
import { CallError, call } from "./bus.ts";
import { tab } from "./state.ts";
import { showEvent } from "./stream_state.ts";
import type { Event, Problem } from "./types.ts";

/** Shows a message in the stream, open. */
export async function openEvent(id: number): Promise<void> {
  await showEvent(id);
  tab.value = "stream";
}

/** Sends the text of a message to another session, which learns who wrote it. */
export async function sendElsewhere(id: number, sessionId: string): Promise<void> {
  const read = await call("get_events", {
    cursor: String(id - 1),
    order: "asc",
    limit: 1,
    names: true,
    peek: true,
  });
  const [event] = read.events as Event[];
  if (event === undefined) throw new CallError("The message was not found.");
  const from = (read.names as Record<string, string>)[event.session_id] ?? event.session_id;
  const payload = `Passed on, from ${from} (#${id}): ${event.payload}`;
  await call("publish_event", { event_type: "message", channel: `session:${sessionId}`, payload });
}

/** Tries again what a webhook did not get: all that was given up, or else what waits longest. */
export async function retry({ webhook_id, dead }: Extract<Problem, { kind: "webhook" }>): Promise<void> {
  if (dead > 0) {
    await call("redeliver_webhook", { webhook_id, dead: true });
    return;
  }
  const asked = { webhook_id, state: "pending", limit: 1000 };
  const waiting = (await call("list_deliveries", asked)) as unknown as Json[];
  const oldest = waiting.at(-1);
  if (oldest === undefined) throw new CallError("Nothing waits for it any more.");
  await call("redeliver_webhook", { webhook_id, event_id: oldest.event_id });
}

export function pause(webhook_id: number, isPaused: boolean): Promise<unknown> {
  return call("set_webhook_active", { webhook_id, active: !isPaused });
}

/** Copies a text. @throws CallError when the browser does not allow it. */
export async function copy(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    throw new CallError("The browser does not let the page copy. Mark the text and copy it.");
  }
}
