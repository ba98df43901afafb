import { isFromPerson } from "./attention.ts";
import { isMail } from "./direct_message.ts";
import type { Event } from "./event.ts";

const STORM_EVENTS = 20;
const STORM_MS = 60_000;
const MOST_REMEMBERED = 1_000;

/** Events that come too fast to be read one by one: more than 20 in a minute of one sender to one audience. */
export function stormsAmong(events: readonly Event[]): Set<number> {
  const storms = new Set<number>();
  for (const group of Map.groupBy(events.filter(mayStorm), sourceOf).values()) {
    const times = group.map(({ timestamp }) => Date.parse(timestamp));
    for (let last = STORM_EVENTS; last < group.length; last++) {
      const first = last - STORM_EVENTS;
      if (!isWithinMinute(times[first], times[last])) continue;
      for (const { id } of group.slice(first, last + 1)) storms.add(id);
    }
  }
  return storms;
}

interface Source {
  /** Times of its last events (ms), at most STORM_EVENTS. */
  times: number[];
  /** The first event of the storm that goes on. Undefined without one. */
  from: number | undefined;
}

/** The storms that go on. Also finds those of which a session has already read the first events. */
export class Storms {
  /** The one that sent last is the last. */
  readonly #sources = new Map<string, Source>();
  #newest: Source | undefined;

  note(event: Event): void {
    if (!mayStorm(event)) return;
    const key = sourceOf(event);
    const source = this.#sources.get(key) ?? { times: [], from: undefined };
    const at = Date.parse(event.timestamp);
    const earlier = source.times.at(-STORM_EVENTS);
    if (earlier !== undefined && isWithinMinute(earlier, at)) source.from ??= event.id;
    else source.from = undefined;
    if (source.times.push(at) > STORM_EVENTS) source.times.shift();
    if (source === this.#newest) return;
    this.#newest = source;
    this.#sources.delete(key);
    this.#sources.set(key, source);
    if (this.#sources.size <= MOST_REMEMBERED) return;
    const [oldest] = this.#sources.keys();
    if (oldest !== undefined) this.#sources.delete(oldest);
  }

  has(event: Event): boolean {
    const from = mayStorm(event) ? this.#sources.get(sourceOf(event))?.from : undefined;
    return from !== undefined && event.id >= from;
  }
}

/** In both directions, because the clock may have been set. */
function isWithinMinute(one = 0, other = 0): boolean {
  return Math.abs(other - one) <= STORM_MS;
}

function mayStorm(event: Event): boolean {
  return !isMail(event) && !isFromPerson(event) && event.signal_level !== "lifecycle";
}

function sourceOf({ session_id, channel }: Event): string {
  return `${session_id}\n${channel}`;
}
