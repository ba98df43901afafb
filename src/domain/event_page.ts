import { isMail } from "./direct_message.ts";
import { bytesInAnswer, bytesInAnswerAtMost, type Event } from "./event.ts";
import type { Batch, EventQuery } from "./event_log.ts";

const MOST_PAYLOADS = 2 * 1024 * 1024;

/** The events of one answer, up to the query's limit and size. */
export class EventPage {
  readonly events: Event[] = [];
  readonly #query: EventQuery;
  #size = 0;
  #isMeasured = false;
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
    this.#size =
      most_bytes === undefined ? this.#size + event.payload.length : this.#sizeWith(event, most_bytes);
    this.#isCut = this.#size > (most_bytes ?? MOST_PAYLOADS) && this.events.length > 0;
    if (!this.#isCut) this.events.push(event);
    return !this.#isCut;
  }

  /** Hot path: events are measured only if their page may be too large. Measuring takes longer than reading them. */
  #sizeWith(event: Event, most: number): number {
    if (this.#isMeasured) return this.#size + bytesInAnswer(event);
    const size = this.#size + bytesInAnswerAtMost(event);
    if (size <= most) return size;
    this.#isMeasured = true;
    return [...this.events, event].reduce((sum, one) => sum + bytesInAnswer(one), 0);
  }
}

/** The answer to a read. `tip`: the newest event when it began. */
export function batchOf(events: readonly Event[], full: boolean, tip: number): Batch {
  const highest = Math.max(events[0]?.id ?? 0, events.at(-1)?.id ?? 0);
  return { events, full, highest, mail: events.some(isMail), tip };
}
