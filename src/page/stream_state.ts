import { computed, signal } from "@preact/signals";
import type { Json } from "../lib/json.ts";
import { call } from "./bus.ts";
import { EMPTY, type Feed, MOST_LIVE, MOST_READ, withNewer, withOlder } from "./feed.ts";
import { type Filter, isFiltering, matches, NO_FILTER, queryOf } from "./filter.ts";
import { learnNames, mail, needs, sessions } from "./state.ts";
import { kept } from "./storage.ts";
import type { Event, Names, Need } from "./types.ts";

const PAGE = 300;

export const filter = signal<Filter>(NO_FILTER);
/** Events as they come, whole. */
const all = signal<Feed>(EMPTY);
/** Events that match, while there is a filter. */
const found = signal<Feed>(EMPTY);

export const isFiltered = computed(() => isFiltering(filter.value));
export const feed = computed(() => (isFiltered.value ? found.value : all.value));
/** True while events are being read from the bus. */
export const isReading = signal(false);
/** Why the last read failed. */
export const readProblem = signal<string | undefined>(undefined);
/** True while the newest row is in sight. */
export const isAtEnd = signal(true);
/** Events that came while the person reads older ones. */
export const unseen = signal(0);
/** When the person last looked (ms since 1970). 0 if never. */
export const lookedAt = signal(Number(kept("looked_at") ?? 0));
/** Rows that are open, folds, and threads that are shown whole. */
export const opened = signal<ReadonlySet<string>>(new Set());

const repos = computed(() => new Map(sessions.value.map(({ session_id, repo }) => [session_id, repo])));

/** Types and senders to choose from, of the events that are loaded. */
export const types = computed(() => [...new Set(all.value.events.map((one) => one.event_type))].sort());
export const senders = computed(() => [...new Set(all.value.events.map((one) => one.session_id))]);

/** Begins anew, for a bus with another database. */
export function forgetEvents(): void {
  all.value = EMPTY;
}

/** Takes new events of the stream. */
export function takeEvents(events: readonly Event[]): void {
  const first = all.value === EMPTY;
  const most = isAtEnd.value ? MOST_LIVE : MOST_READ;
  if (!all.value.newer) {
    const next = withNewer(all.value, events, most);
    all.value = first ? { ...next, older: (events[0]?.id ?? 0) > 1 } : next;
  }
  const matching = isFiltered.value ? events.filter(isWanted) : events;
  if (isFiltered.value && !found.value.newer) found.value = withNewer(found.value, matching, most);
  if (!first && !isAtEnd.value) unseen.value += matching.length;
}

const isWanted = (event: Event) => matches(filter.value, event, repos.value);

/** Shows other events. */
export function setFilter(change: Partial<Filter>): void {
  filter.value = { ...filter.value, ...change };
  unseen.value = 0;
  found.value = { ...EMPTY, older: true };
  if (isFiltered.value) void readOlder();
}

/** Reads that a filter without a query of the bus takes until it gives up for now. */
const MOST_PAGES = 8;

let reads = 0;

/** Reads older events, until there is a page of those that match. */
export async function readOlder(): Promise<void> {
  const target = isFiltered.value ? found : all;
  const read = ++reads;
  isReading.value = true;
  readProblem.value = undefined;
  try {
    let before = target.value.events[0]?.id;
    for (let pages = 0, count = 0; pages < MOST_PAGES && count < PAGE / 4; pages++) {
      const { events, more } = await page(before);
      if (read !== reads) return;
      before = events[0]?.id ?? before;
      const wanted = isFiltered.value ? events.filter(isWanted) : events;
      count += wanted.length;
      target.value = withOlder(target.value, wanted, more);
      if (!more) break;
    }
  } catch (error) {
    readProblem.value = (error as Error).message;
  } finally {
    if (read === reads) isReading.value = false;
  }
}

/** One page of events before an id, oldest first. */
async function page(before: number | undefined): Promise<{ events: readonly Event[]; more: boolean }> {
  const args: Json = { order: "desc", limit: PAGE, names: true, peek: true, ...queryOf(filter.value) };
  if (before !== undefined) args.before = String(before);
  const result = await call("get_events", args);
  const events = result.events as readonly Event[];
  learnNames(result.names as Names);
  return { events: [...events].reverse(), more: result.has_more === true };
}

/** Reads on where the newest events were dropped. */
export async function readNewer(): Promise<void> {
  const target = isFiltered.value ? found : all;
  const last = target.value.events.at(-1)?.id ?? 0;
  const read = ++reads;
  isReading.value = true;
  try {
    const args = { order: "asc", limit: PAGE, names: true, peek: true, cursor: String(last) };
    const result = await call("get_events", { ...args, ...queryOf(filter.value) });
    if (read !== reads) return;
    learnNames(result.names as Names);
    const events = (result.events as readonly Event[]).filter(
      (event) => !isFiltered.value || isWanted(event),
    );
    target.value = { ...withNewer(target.value, events, MOST_READ), newer: result.has_more === true };
  } catch (error) {
    readProblem.value = (error as Error).message;
  } finally {
    if (read === reads) isReading.value = false;
  }
}

/** Shows the newest events again. */
export async function toNewest(): Promise<void> {
  unseen.value = 0;
  const target = isFiltered.value ? found : all;
  if (!target.value.newer) return;
  target.value = { ...EMPTY, older: true };
  await readOlder();
}

/** The row to bring into sight. */
export const sought = signal<string | undefined>(undefined);

/** Brings an event into sight, open. Reads what stands around it if it is not loaded. */
export async function showEvent(id: number): Promise<void> {
  filter.value = NO_FILTER;
  if (!all.value.events.some((event) => event.id === id)) {
    const args = {
      order: "asc",
      limit: PAGE,
      names: true,
      peek: true,
      cursor: String(Math.max(0, id - PAGE / 2)),
    };
    const result = await call("get_events", args);
    learnNames(result.names as Names);
    all.value = { events: result.events as readonly Event[], older: true, newer: result.has_more === true };
  }
  isAtEnd.value = false;
  opened.value = new Set([...opened.value, `event-${id}`]);
  sought.value = `event-${id}`;
}

/** Opens what is closed, and closes what is open. */
export function toggle(key: string): void {
  const next = new Set(opened.value);
  if (!next.delete(key)) next.add(key);
  opened.value = next;
}

/** Events in the order of the stream, with the dialogs that stand open. */
export const shown = computed<readonly Event[]>(() => {
  const { events, newer } = feed.value;
  if (newer) return events;
  const dialogs = needs.value.filter(({ event_id }) => event_id === null).map(eventOf);
  const wanted = isFiltered.value ? dialogs.filter(isWanted) : dialogs;
  return wanted.length === 0 ? events : merged(events, wanted);
});

/** A dialog as a row of the stream. The bus stores no event for one before it is answered. */
function eventOf(need: Need): Event {
  return {
    id: -need.need_id,
    event_type: need.kind,
    payload: need.text,
    session_id: need.session_id,
    timestamp: need.since,
    channel: "session:human",
    correlation_id: null,
    signal_level: "actionable",
  };
}

function merged(events: readonly Event[], dialogs: readonly Event[]): readonly Event[] {
  const all = [...events];
  for (const dialog of dialogs) {
    let at = all.length;
    while (at > 0 && (all[at - 1]?.timestamp ?? "") > dialog.timestamp) at--;
    all.splice(at, 0, dialog);
  }
  return all;
}

/** The latest known delivery of a direct message. */
export function deliveryOf(event: Event): Event["delivery"] {
  return mail.value[event.id]?.state ?? event.delivery;
}
