import type { Call } from "../domain/call.ts";
import type { Event } from "../domain/event.ts";
import { hiddenIn } from "../lib/escape.ts";
import { beginningBytes } from "../lib/graphemes.ts";

const KIB = 1024;
/** Longest payload that an agent's client gets unasked (bytes). */
const MOST_WHOLE = 16 * KIB;
/** Length of the preview of a longer one (bytes). */
const MOST_SHOWN = 2 * KIB;

export interface Preview {
  payload: string;
  payload_bytes: number;
  whole: string;
}

/** The beginning of a long payload for an agent's client, and how to read it whole. Undefined if the caller gets it whole. */
export function previewFor({ agent = false }: Call, id: number, payload: string): Preview | undefined {
  // A character has three bytes at most.
  if (!agent || payload.length * 3 <= MOST_WHOLE) return undefined;
  const payload_bytes = Buffer.byteLength(payload);
  if (payload_bytes <= MOST_WHOLE) return undefined;
  return {
    payload: beginningBytes(payload, MOST_SHOWN),
    payload_bytes,
    whole: `get_events(event_id=${id})`,
  };
}

/** Hot path: stored events that need nothing, which are most of them and never change. */
const asTheyAre = new WeakSet<Event>();

/**
 * An event for this caller. An agent's client is also told which characters of it show nothing. `isWhole`: no preview. An event
 * that needs neither stays the same object.
 */
export function eventFor<Shown extends Event>(call: Call, event: Shown, isWhole = false): Shown {
  if (call.agent !== true || asTheyAre.has(event)) return event;
  const { id, title = "", payload } = event;
  const preview = isWhole ? undefined : previewFor(call, id, payload);
  const hidden = [...hiddenIn(title), ...hiddenIn(preview?.payload ?? payload)];
  if (preview !== undefined || hidden.length > 0)
    return { ...event, ...preview, ...(hidden.length > 0 && { hidden_characters: [...new Set(hidden)] }) };
  if (!isWhole) asTheyAre.add(event);
  return event;
}
