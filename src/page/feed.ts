import type { Event } from "./types.ts";

/** A gapless part of the events that match, in the order of their ids. */
export interface Feed {
  events: readonly Event[];
  /** There are older ones at the bus. */
  older: boolean;
  /** There are newer ones at the bus, which are not loaded. */
  newer: boolean;
}

export const EMPTY: Feed = { events: [], older: false, newer: false };

/** Most events that are kept while the newest are shown, and while the person reads older ones. */
export const MOST_LIVE = 3_000;
export const MOST_READ = 6_000;
/** Most text that is kept (characters). */
const MOST_TEXT = 16_000_000;

/** Adds newer events. Those that are there already are left out. */
export function withNewer(feed: Feed, events: readonly Event[], most: number): Feed {
  const last = feed.events.at(-1)?.id ?? 0;
  const news = events.filter(({ id }) => id > last);
  if (news.length === 0) return feed;
  const all = [...feed.events, ...news];
  const from = Math.max(all.length - most, firstWithin(all));
  return from <= 0 ? { ...feed, events: all } : { ...feed, events: all.slice(from), older: true };
}

/** Adds older events, and drops newer ones that are too many. */
export function withOlder(feed: Feed, events: readonly Event[], older: boolean): Feed {
  const first = feed.events[0]?.id ?? Number.POSITIVE_INFINITY;
  const all = [...events.filter(({ id }) => id < first), ...feed.events];
  const kept = all.length > MOST_READ ? all.slice(0, MOST_READ) : all;
  return { events: kept, older, newer: feed.newer || kept.length < all.length };
}

/** The first event from which on all texts together are within the bound. */
function firstWithin(events: readonly Event[]): number {
  let characters = 0;
  let from = events.length;
  while (from > 0) {
    characters += events[from - 1]?.payload.length ?? 0;
    if (characters > MOST_TEXT && from < events.length) break;
    from--;
  }
  return from;
}
