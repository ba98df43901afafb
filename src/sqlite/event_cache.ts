import type { Event } from "../domain/event.ts";
import type { EventQuery } from "../domain/store.ts";
import { attempt } from "../lib/attempt.ts";
import { channelsOf } from "./event_sql.ts";

const MOST_EVENTS = 500;
const PAGE = 50;
/** Characters of all payloads together. */
const MOST_SIZE = 512 * 1024;
/** The database is asked for changes of other programs at most this often: that costs more than a read from memory. */
const TRUSTED_MS = 100;

export interface Table {
  /** Events with a smaller id, newest first, at most `limit`. */
  older(before: number, limit: number): Event[];
  /** The id of the newest event ever stored. 0 in a new database. */
  tip(): number;
  /** Changes when another connection has changed the database. */
  version(): number;
}

/**
 * Hot path: the newest events in memory, as the table holds them. Most reads want nothing else. Only this process stores
 * events, and a stored event never changes. An event that another program adds is found within TRUSTED_MS, or with the next
 * event of this process.
 */
export class EventCache {
  readonly #table: Table;
  /** Oldest first, without a gap. Undefined if they have to be read again. */
  #events: Event[] | undefined;
  /** Every event with a greater id is in it. */
  #after = 0;
  #size = 0;
  #tip = 0;
  #version = 0;
  #trustedUntil = 0;

  constructor(table: Table) {
    this.#table = table;
  }

  /** Adds a new event, inside its transaction. */
  add(event: Event): void {
    if (this.#events !== undefined && event.id !== this.#tip + 1) this.forget();
    if (this.#events === undefined) return;
    this.#tip = event.id;
    this.#events.push(event);
    this.#size += event.payload.length;
    this.#trim(this.#events);
  }

  /** Reads everything again at the next call. What was added may have been undone. */
  forget(): void {
    this.#events = undefined;
  }

  tip(): number {
    return this.#loaded() === undefined ? this.#table.tip() : this.#tip;
  }

  /** The same as the table would give, at most `limit` events. Undefined if older ones than those here may belong to it. */
  find({ after = 0, before, order, limit, ...filter }: EventQuery & { before: number }): Event[] | undefined {
    const events = this.#loaded();
    if (events === undefined || (order === "asc" && after < this.#after)) return undefined;
    const found: Event[] = [];
    const channels = channelsOf(filter);
    const step = order === "asc" ? 1 : -1;
    // A reader is near the end most of the time.
    let at = order === "asc" ? events.findLastIndex(({ id }) => id <= after) + 1 : events.length - 1;
    for (; found.length < limit; at += step) {
      const event = events[at];
      if (event === undefined) break;
      if (event.id <= after) return found;
      if (event.id < before && passes(event, channels, filter)) found.push(event);
    }
    return order === "asc" || found.length === limit || after >= this.#after ? found : undefined;
  }

  // Undefined if some of them cannot be read. The rest of a damaged database still can.
  #loaded(): Event[] | undefined {
    const now = performance.now();
    if (this.#events !== undefined && now < this.#trustedUntil) return this.#events;
    const version = this.#table.version();
    this.#trustedUntil = now + TRUSTED_MS;
    if (this.#events !== undefined && version === this.#version) return this.#events;
    this.#version = version;
    this.#tip = this.#table.tip();
    this.#events = attempt(() => this.#newest());
    if (this.#events !== undefined) this.#trim(this.#events);
    return this.#events;
  }

  // Pages keep hundreds of large payloads from being in memory at once.
  #newest(): Event[] {
    const found: Event[] = [];
    this.#size = 0;
    for (let before = Number.MAX_SAFE_INTEGER; ; before = found.at(-1)?.id ?? 0) {
      const page = this.#table.older(before, PAGE);
      found.push(...page);
      this.#size += page.reduce((sum, { payload }) => sum + payload.length, 0);
      const whole = page.length < PAGE;
      if (!whole && found.length < MOST_EVENTS && this.#size < MOST_SIZE) continue;
      this.#after = whole ? 0 : (found.at(-1)?.id ?? 0) - 1;
      return found.reverse();
    }
  }

  // Trims by halves: taking one event from the front moves all the others.
  #trim(events: Event[]): void {
    if (events.length < 2 * MOST_EVENTS && this.#size <= MOST_SIZE) return;
    let [cut, size] = [0, this.#size];
    while (cut < events.length && (events.length - cut > MOST_EVENTS || size > MOST_SIZE / 2))
      size -= events[cut++]?.payload.length ?? 0;
    this.#after = events[cut - 1]?.id ?? this.#after;
    events.splice(0, cut);
    this.#size = size;
  }
}

function passes(
  event: Event,
  channels: readonly string[],
  filter: Pick<EventQuery, "event_types" | "correlation_id">,
): boolean {
  return (
    (channels.length === 0 || channels.includes(event.channel)) &&
    (filter.correlation_id === undefined || event.correlation_id === filter.correlation_id) &&
    (!filter.event_types?.length || filter.event_types.includes(event.event_type))
  );
}
