import type { Event } from "./event.ts";
import type { IndexProgress } from "./event_log.ts";

/** A shorter text has no index (characters). */
export const LEAST_INDEXED = 3;

/** A text without an index is searched in this number of events at most. */
export const MOST_WITHOUT_INDEX = 10_000;

/**
 * The form in which texts are compared, so that case makes no difference. Each character is changed by itself, and NUL, which
 * would end a query, becomes a code point that no text has.
 */
export function folded(text: string): string {
  return text.toWellFormed().toLowerCase().replaceAll("ς", "σ").replaceAll("\0", "\uFFFE");
}

/** True if a folded text is too short for an index. */
export function isShort(wanted: string): boolean {
  return wanted.length < 2 * LEAST_INDEXED && [...wanted].length < LEAST_INDEXED;
}

/** True if the title or the payload of an event holds a folded text. */
export function holdsText({ title, payload }: Event, wanted: string): boolean {
  return folded(payload).includes(wanted) || (title !== undefined && folded(title).includes(wanted));
}

/** Fewer new events that are not in the index yet are usual. */
const USUALLY_WAITING = 1_000;

/** How far the index has come, if it is behind. A search takes longer then, but finds the same. */
export function backlogOf({ upTo, tip }: IndexProgress): { indexed: number; events: number } | null {
  return tip - upTo < USUALLY_WAITING ? null : { indexed: upTo, events: tip };
}
