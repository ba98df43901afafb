import type { Call } from "../domain/call.ts";
import { type Bus, BusError } from "../domain/context.ts";
import { formatCursor, parseCursor } from "../domain/cursor.ts";
import { isMail, type MailState } from "../domain/direct_message.ts";
import type { Event } from "../domain/event.ts";
import { atLeast } from "../domain/level.ts";
import { folded, holdsText, LEAST_INDEXED, MOST_WITHOUT_INDEX } from "../domain/search.ts";
import { notFound, type Session } from "../domain/session.ts";
import type { Batch, SearchQuery } from "../domain/store.ts";
import type { Json } from "../lib/json.ts";
import { type Filters, filtersOf, namesIn } from "./event_filters.ts";
import { couldMatch, isNarrowed, type Query } from "./events_query.ts";

export interface Start {
  after: number | undefined;
  /** The session whose saved cursor this read moves. Undefined if it moves no cursor. */
  consumes: Session | undefined;
  /** True if the answer says what to acknowledge. */
  acked: boolean;
  /** True if the read starts at the saved cursor, inside the transaction that moves it. */
  resumes: boolean;
  filters: Filters;
}

/** Decides where a read starts and whether it moves the saved cursor (WIRE.md 4). */
export async function startOf(
  bus: Bus,
  args: Query,
  session: Session | undefined,
  acked: boolean,
): Promise<Start | { answer: Json }> {
  const filters = await filtersOf(bus, args);
  if ("answer" in filters) return filters;
  const consumes = args.peek || isNarrowed(args) ? undefined : session;
  const after = parseCursor(args.cursor) ?? undefined;
  if (!args.resume || !args.session_id || after !== undefined)
    return { after, consumes, acked, resumes: false, filters };
  if (session === undefined) return { answer: notFound(args.session_id) };
  const start = { consumes, acked, resumes: consumes !== undefined, filters };
  if (session.cursor !== null) return { ...start, after: session.cursor };
  if (consumes === undefined && !acked) return { ...start, after: await bus.store.events.tip() };
  const tip = await bus.store.sessions.saveTip(session.session_id);
  if (args.wait_seconds) return { ...start, after: tip };
  return { answer: { events: [], next_cursor: formatCursor(tip), has_more: false } };
}

interface Page extends Json {
  events: readonly Event[];
  next_cursor: string;
  has_more: boolean;
}

export async function read(bus: Bus, args: Query, start: Start, { caller }: Call): Promise<Page> {
  const { filters } = start;
  const query: SearchQuery = {
    ...filters,
    after: later(start.after, filters.after),
    limit: args.limit,
    most_bytes: bus.limits.reply_bytes / (caller.local ? 1 : OTHERS_PART) - AROUND_BYTES,
    order: args.order,
    channel: args.channel || undefined,
    event_types: args.event_types?.length ? [...new Set(args.event_types)] : undefined,
    correlation_id: args.correlation_id || undefined,
  };
  const first = await found(bus, query);
  const { batch, warning = first.partial === true ? PARTLY : undefined } =
    start.consumes === undefined || first.events.length === 0
      ? { batch: first, warning: undefined }
      : await consumed(bus, start.consumes, start.resumes, query, first);
  const { events: raw, full } = batch;
  const { min_level } = args;
  const wanted =
    min_level === undefined ? raw : raw.filter((event) => atLeast(event.signal_level, min_level));
  return {
    events: batch.mail ? await Promise.all(wanted.map((event) => withDelivery(bus, event))) : wanted,
    next_cursor: formatCursor(raw.length > 0 ? batch.highest : emptyCursor(args, start, batch.tip)),
    has_more: full,
    ...(args.names && { names: await namesIn(bus, wanted) }),
    ...(args.acks && { ack_from: start.acked ? lowestOf(raw) : null }),
    ...(warning === undefined ? {} : { warning }),
  };
}

/** Reads by what is asked for. A read that only the index of texts or a walk answers lets other calls come between. */
function found({ store }: Bus, query: SearchQuery): Promise<Batch & { partial?: boolean }> {
  const { text, senders, channels } = query;
  const isPlain = text === undefined && senders === undefined && channels === undefined;
  return isPlain ? store.events.read(query) : store.search.find(query);
}

const PARTLY = `Only the newest ${MOST_WITHOUT_INDEX.toLocaleString("en")} events were searched. Give at least ${LEAST_INDEXED} characters to search them all.`;

/** Reads one event, whole. No cursor moves. */
export async function readOne(bus: Bus, { names }: Query, event_id: number): Promise<Json> {
  const event = await bus.store.events.get(event_id);
  if (event === undefined) return { error: `There is no event ${event_id}.`, event_id };
  return {
    events: [await withDelivery(bus, event)],
    ...{ next_cursor: formatCursor(event_id), has_more: false },
    ...(names && { names: await namesIn(bus, [event]) }),
  };
}

function later(cursor: number | undefined, since: number | undefined): number | undefined {
  return cursor === undefined || since === undefined ? (cursor ?? since) : Math.max(cursor, since);
}

function lowestOf(events: readonly Event[]): string | null {
  const [first, last] = [events[0], events.at(-1)];
  return first === undefined || last === undefined ? null : formatCursor(Math.min(first.id, last.id));
}

/** Adds the delivery status to a direct message. */
async function withDelivery(bus: Bus, event: Event): Promise<Event & { delivery?: MailState }> {
  if (!isMail(event)) return event;
  const [mail] = await bus.store.mail.of(event.id);
  return mail === undefined ? event : { ...event, delivery: mail.state };
}

/** Divides the size of answers to other machines, because a large answer delays every other call. */
const OTHERS_PART = 4;
/** Room in an answer besides its events. */
const AROUND_BYTES = 1024;

/** Moves the saved cursor with the read. If the database takes no writes, the read goes on and warns. */
async function consumed(
  bus: Bus,
  { session_id }: Session,
  resumes: boolean,
  query: SearchQuery,
  first: Batch,
): Promise<{ batch: Batch; warning?: string }> {
  try {
    return { batch: await bus.store.sessions.consume(session_id, resumes, query) };
  } catch (error) {
    if (!(error instanceof BusError)) throw error;
    return {
      batch: first,
      warning: `Your cursor was not saved, so a resume returns these events again: ${error.message}`,
    };
  }
}

// An empty read without a start has shown that nothing up to the tip matches, unless it asked for zero events in order.
function emptyCursor(args: Query, start: Start, tip: number): number {
  return start.after ?? (args.limit === 0 && args.order === "asc" ? 0 : tip);
}

/** Tells at which events a wait has to look. */
function matcher(args: Query, { text, senders, channels }: Filters): (event: Event) => boolean {
  const wanted = text === undefined ? undefined : folded(text);
  return (event) =>
    (senders?.includes(event.session_id) ?? true) &&
    (channels?.includes(event.channel) ?? true) &&
    (wanted === undefined || holdsText(event, wanted)) &&
    couldMatch(args, event);
}

/** Reads until something matches or the time is up. A page that `min_level` hid counts as read. */
export async function waitFor(
  bus: Bus,
  args: Query,
  start: Start,
  call: Call,
  reached: string | undefined,
): Promise<Json> {
  const seconds = args.wait_seconds ?? 0;
  const deadline = performance.now() + seconds * 1000;
  const wait = { call, seconds, sessionId: reached };
  let answer: Json = {};
  let from = start;
  let ackFrom: unknown = null;
  const matches = matcher(args, start.filters);
  for await (const _ of bus.subscriptions.subscribe(matches, undefined, wait))
    do {
      const page = await read(bus, args, from, call);
      answer = page;
      ackFrom ??= page.ack_from;
      if (args.acks) page.ack_from = ackFrom;
      if (page.events.length > 0 || args.limit === 0) return page;
      from = { ...from, after: parseCursor(page.next_cursor) ?? undefined };
    } while (answer.has_more === true && performance.now() < deadline && !call.signal.aborted);
  return answer;
}
