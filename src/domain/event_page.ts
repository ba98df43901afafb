import { isMail } from "./direct_message.ts";
import { bytesInAnswer, type Event } from "./event.ts";
import type { Batch, EventQuery } from "./event_log.ts";

const MOST_PAYLOADS = 2 * 1024 * 1024;

/** The events of one answer, up to the query's limit and size. */
export class EventPage {
  readonly events: Event[] = [];
  readonly #query: EventQuery;
  #size = 0;
  #isCut = false;

  constructor(query: EventQuery) {
    this.#query = query;
  }

  /** How many more events may be added. */
  get room(): number {
    return this.#isCut ? 0 : this.#query.limit - this.events.length;
  }

  /** More events may follow: a limit was reached. */
  get full(): boolean {
    return this.events.length > 0 && this.room === 0;
  }

  /** False if the event is too large for what is left. The page holds at least one event. */
  add(event: Event): boolean {
    const { most_bytes } = this.#query;
    this.#size += most_bytes === undefined ? event.payload.length : bytesInAnswer(event);
    this.#isCut = this.#size > (most_bytes ?? MOST_PAYLOADS) && this.events.length > 0;
    if (!this.#isCut) this.events.push(event);
    return !this.#isCut;
  }
}

/** The answer to a read. `tip`: the newest event when it began. */
export function batchOf(events: readonly Event[], full: boolean, tip: number): Batch {
  const highest = Math.max(events[0]?.id ?? 0, events.at(-1)?.id ?? 0);
  return { events, full, highest, mail: events.some(isMail), tip };
}
