import type { Call } from "../domain/call.ts";
import type { Event } from "../domain/event.ts";
import { hiddenIn } from "../lib/escape.ts";
import { beginningBytes } from "../lib/graphemes.ts";
import type { Json } from "../lib/json.ts";

const KIB = 1024;
/** Longest payload that an agent's client gets unasked (bytes). */
const MOST_WHOLE = 16 * KIB;
/** Length of the preview of a longer one (bytes). */
const MOST_SHOWN = 2 * KIB;

/** The payload of an event for this caller. An agent's client gets the beginning of a long one, and how to read it whole. */
export function payloadFor({ agent = false }: Call, id: number, payload: string): Json {
  const most = agent ? MOST_WHOLE : Number.POSITIVE_INFINITY;
  // A character has three bytes at most.
  if (payload.length * 3 <= most) return { payload };
  const payload_bytes = Buffer.byteLength(payload);
  if (payload_bytes <= most) return { payload };
  return {
    payload: beginningBytes(payload, MOST_SHOWN),
    payload_bytes,
    whole: `get_events(event_id=${id})`,
  };
}

/**
 * An event for this caller. An agent's client is also told which characters of it show nothing. `isWhole`: no preview. An event
 * that needs neither stays the same object.
 */
export function eventFor<Shown extends Event>(call: Call, event: Shown, isWhole = false): Shown {
  if (call.agent !== true) return event;
  const { id, title = "", payload } = event;
  const shown = isWhole ? { payload } : payloadFor(call, id, payload);
  const hidden = [...hiddenIn(title), ...hiddenIn(String(shown.payload))];
  if (shown.payload === payload && hidden.length === 0) return event;
  return { ...event, ...shown, ...(hidden.length > 0 && { hidden_characters: [...new Set(hidden)] }) };
}
