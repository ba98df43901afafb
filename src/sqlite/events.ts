import { isMail } from "../domain/direct_message.ts";
import type { Event, EventDraft } from "../domain/event.ts";
import { eventOf } from "../domain/event.ts";
import { written } from "../lib/json_memo.ts";
import type { Database, Row, Statement } from "../runtime/runtime.ts";
import type { MailRows } from "./direct_messages.ts";
import { Recent } from "./event_cache.ts";
import type { Writer } from "./group_commit.ts";
import type { SessionRows } from "./sessions.ts";
import { storedTime, wireTime } from "./time.ts";

/** Which events, in which order. Filters are exact; absent ones match everything. */
export interface EventQuery {
  /** Only events with a greater id. */
  after?: number | undefined;
  limit: number;
  /** Bytes of all events together as answers hold them: a batch ends before it would be more, after one event at least. */
  most_bytes?: number;
  order: "asc" | "desc";
  channel?: string | undefined;
  event_types?: readonly string[] | undefined;
  correlation_id?: string | undefined;
}

/** What one read found, before any filter that is not part of the query. */
export interface Batch {
  events: readonly Event[];
  /** More may follow: the limit was reached, or the bound on their size. */
  full: boolean;
  /** The highest id among them; 0 when there are none. */
  highest: number;
  /** There are direct messages among them. */
  mail: boolean;
  /** The newest event when the read began; what is committed later is found by the next one. */
  tip: number;
}

export interface EventRows {
  insert(draft: EventDraft, timestamp: string): Event;
  select(query: EventQuery): Batch;
  get(id: number): Event | undefined;
  tip(): number;
  /** Forgets what is in memory; after a transaction that was undone. */
  undone(): void;
  /** Passes on the events of a transaction that was committed. */
  committed(): void;
  listen(onEvent: (event: Event) => void): void;
}

/** The SQL of events, for use inside one call or one write unit. `onInsert` runs in the transaction of each new event. */
export function eventRows(db: Database, onInsert: (event: Event) => void): EventRows {
  const version = db.prepare("PRAGMA data_version");
  const insert = db.prepare(`
    INSERT INTO events (event_type, payload, session_id, timestamp, channel, correlation_id, payload_meta,
      origin)
    VALUES ($event_type, $payload, $session_id, $timestamp, $channel, $correlation_id, $meta, $origin)`);
  const tip = db.prepare("SELECT seq FROM sqlite_sequence WHERE name = 'events'");
  const statements = new Map<string, Statement>();
  const listeners: ((event: Event) => void)[] = [];
  let uncommitted: Event[] = [];

  function statement(query: EventQuery): Statement {
    const types = query.event_types?.length ?? 0;
    const shape = [
      query.order,
      query.channel !== undefined,
      query.correlation_id !== undefined,
      types,
    ].join();
    let prepared = statements.get(shape);
    if (prepared === undefined) {
      prepared = db.prepare(selectSql(query));
      statements.set(shape, prepared);
    }
    return prepared;
  }

  const recent = new Recent({
    older: (before, limit) => stored({ order: "desc", limit }, { after: 0, before }),
    tip: () => Number(tip.get()?.seq ?? 0),
    version: () => Number(version.get()?.data_version),
  });

  function stored(query: EventQuery, params: Params): Event[] {
    return statement(query)
      .all({ ...params, limit: query.limit })
      .map(eventOfRow);
  }

  return {
    insert(draft, timestamp) {
      const { lastInsertRowid } = insert.run({
        event_type: draft.event_type,
        payload: draft.payload,
        session_id: draft.session_id,
        timestamp: storedTime(timestamp),
        channel: draft.channel,
        correlation_id: draft.correlation_id ?? null,
        meta: metaOf(draft),
        origin: draft.origin,
      });
      const event = eventOf(lastInsertRowid, timestamp, draft);
      recent.add(event);
      uncommitted.push(event);
      onInsert(event);
      return event;
    },
    select,
    get: (id) => select({ after: id - 1, limit: 1, order: "asc" }).events.find((event) => event.id === id),
    undone() {
      uncommitted = [];
      recent.forget();
    },
    committed() {
      const events = uncommitted;
      uncommitted = [];
      for (const event of events) for (const listener of listeners) listener(event);
    },
    listen: (listener) => void listeners.push(listener),
    tip: () => recent.tip(),
  };

  function select(query: EventQuery): Batch {
    const kept = recent.batch(query);
    if (kept !== undefined) return kept;
    const tip = recent.tip();
    let isRecent = true;
    const { events, full } = selectBatch(query, (params, limit) => {
      const { after, before } = params;
      const found = recent.find({ ...query, after, before, limit });
      if (found === undefined) isRecent = false;
      return found ?? stored({ ...query, limit }, params);
    });
    const [first, last] = [events[0]?.id ?? 0, events.at(-1)?.id ?? 0];
    const batch = { events, full, highest: Math.max(first, last), mail: events.some(isMail), tip };
    if (isRecent) recent.keep(query, batch);
    return batch;
  }
}

/** The columns of an event, separated by comma and space. */
export const EVENT_COLUMNS =
  "id, event_type, payload, session_id, timestamp, channel, correlation_id, payload_meta, origin";

// One branch for each wanted type, so that each is a bounded walk along its index whatever the others hold.
function selectSql(query: EventQuery): string {
  const order = query.order === "asc" ? "ASC" : "DESC";
  const filters = ["id > $after", "id < $before"];
  if (query.channel !== undefined) filters.push("channel = $channel");
  if (query.correlation_id !== undefined) filters.push("correlation_id = $correlation_id");
  const types = (query.event_types ?? []).map((_, i) => `event_type = $type${i}`);
  const branch = (filter: readonly string[]) =>
    `SELECT * FROM (SELECT ${EVENT_COLUMNS} FROM events WHERE ${filter.join(" AND ")} ORDER BY id ${order} LIMIT $limit)`;
  const branches = types.length === 0 ? [branch(filters)] : types.map((type) => branch([...filters, type]));
  return `${branches.join(" UNION ALL ")} ORDER BY id ${order} LIMIT $limit`;
}

const CHUNK = 50;
const MOST_PAYLOADS = 2 * 1024 * 1024;

// In chunks, so that a thousand large payloads are never in memory at once; at least one event is returned.
function selectBatch(
  query: EventQuery,
  read: (params: Params, limit: number) => Event[],
): Pick<Batch, "events" | "full"> {
  const events: Event[] = [];
  const params = selectParams(query);
  const { most_bytes } = query;
  const most = most_bytes ?? MOST_PAYLOADS;
  let size = 0;
  while (events.length < query.limit) {
    const limit = Math.min(CHUNK, query.limit - events.length);
    const chunk = read(params, limit);
    for (const event of chunk) {
      size += most_bytes === undefined ? event.payload.length : written(event).bytes;
      if (size > most && events.length > 0) return { events, full: true };
      events.push(event);
    }
    const last = chunk.at(-1);
    if (last === undefined || chunk.length < limit) break;
    params[query.order === "asc" ? "after" : "before"] = last.id;
  }
  return { events, full: events.length > 0 && events.length === query.limit };
}

type Params = Record<string, string | number> & { after: number; before: number };

function selectParams(query: EventQuery): Params {
  const params: Params = {
    after: query.after ?? 0,
    before: Number.MAX_SAFE_INTEGER,
  };
  if (query.channel !== undefined) params.channel = query.channel;
  if (query.correlation_id !== undefined) params.correlation_id = query.correlation_id;
  for (const [i, type] of (query.event_types ?? []).entries()) params[`type${i}`] = type;
  return params;
}

function metaOf(draft: EventDraft): string | null {
  const { title, tags, explicit_level: signal_level } = draft;
  const meta = { title, tags, signal_level };
  return title === undefined && tags === undefined && signal_level === undefined
    ? null
    : JSON.stringify(meta);
}

export function eventOfRow(row: Row): Event {
  const meta = row.payload_meta === null ? {} : parseMeta(String(row.payload_meta));
  return eventOf(Number(row.id), wireTime(row.timestamp), {
    event_type: String(row.event_type),
    payload: String(row.payload),
    session_id: String(row.session_id),
    channel: String(row.channel),
    correlation_id: row.correlation_id === null ? null : String(row.correlation_id),
    origin: row.origin === null ? null : String(row.origin),
    ...meta,
  });
}

function parseMeta(text: string): Pick<EventDraft, "title" | "tags" | "explicit_level"> {
  try {
    const { title, tags, signal_level } = JSON.parse(text);
    return { title: title ?? undefined, tags: tags ?? undefined, explicit_level: signal_level ?? undefined };
  } catch {
    return {};
  }
}

export interface Events {
  /** Resolves with the stored event after its commit. */
  append(draft: EventDraft): Promise<Event>;
  /** Calls `onEvent` with every event after its commit, in order. */
  listen(onEvent: (event: Event) => void): void;
  get(id: number): Promise<Event | undefined>;
  read(query: EventQuery): Promise<Batch>;
  /**
   * Reads after the session's saved cursor (`resume`) or after `query.after`, and moves the saved cursor to the highest
   * id read, never backwards, in one transaction: two concurrent resumes never both get an event.
   */
  consume(sessionId: string, resume: boolean, query: EventQuery): Promise<Batch>;
  /** The id of the newest event ever stored; 0 when there is none. */
  tip(): Promise<number>;
}

/** A reader need not wait for its cursor to be saved as long as a publisher for its event. */
const CONSUME_PATIENCE_MS = 1_500;

export interface EventParts {
  rows: EventRows;
  sessions: SessionRows;
  mail: MailRows;
  writer: Writer;
  timestamp(): string;
}

export function createEvents({ rows, sessions, mail, writer, timestamp }: EventParts): Events {
  return {
    append: (draft) => writer.write(() => rows.insert(draft, timestamp())),
    listen: rows.listen,
    get: (id) => writer.read(() => rows.get(id)),
    read: (query) => writer.read(() => rows.select(query)),
    consume: (sessionId, resume, query) =>
      writer.write(() => {
        const session = sessions.get(sessionId);
        const after = resume ? (session?.cursor ?? undefined) : query.after;
        const batch = rows.select({ ...query, after });
        const { highest } = batch;
        if (session !== undefined && highest > 0) {
          if (highest > (session.cursor ?? 0)) sessions.saveCursor(session.session_id, highest);
          const lowest = batch.events.reduce((low, event) => Math.min(low, event.id), highest);
          mail.seeRange(session.session_id, lowest, highest, timestamp());
        }
        return batch;
      }, CONSUME_PATIENCE_MS),
    tip: () => writer.read(rows.tip),
  };
}
