import { type Event, type EventDraft, eventOf } from "../domain/event.ts";
import { batchOf, EventPage } from "../domain/event_page.ts";
import type { Batch, EventQuery, Events } from "../domain/store.ts";
import type { Statement } from "../runtime/runtime.ts";
import { EventCache } from "./event_cache.ts";
import { channelsOf, eventOfRow, type Params, paramsOf, rowOf, selectSql } from "./event_sql.ts";
import { type Parts, Table } from "./parts.ts";

const SQL = {
  insert: `INSERT INTO events (event_type, payload, session_id, timestamp, channel, correlation_id, payload_meta, origin)
    VALUES ($event_type, $payload, $session_id, $timestamp, $channel, $correlation_id, $meta, $origin)`,
  count: `SELECT count(*) AS count
    FROM (SELECT 1 FROM events WHERE channel = $channel AND id BETWEEN $from AND $to LIMIT $most)`,
  tip: "SELECT seq FROM sqlite_sequence WHERE name = 'events'",
  version: "PRAGMA data_version",
};

/** Reads go in chunks, so that a thousand large payloads are never in memory at once. */
const CHUNK = 50;

/** The log of events. */
export class EventTable extends Table<keyof typeof SQL> implements Events {
  /** By the SQL's shape. */
  readonly #selects = new Map<string, Statement>();
  readonly #cache: EventCache;

  constructor(parts: Parts) {
    super(parts, SQL);
    this.#cache = new EventCache({
      older: (before, limit) => this.#stored({ order: "desc", limit }, { after: 0, before }),
      tip: () => Number(this.sql.tip.get()?.seq ?? 0),
      version: () => Number(this.sql.version.get()?.data_version),
    });
  }

  get(id: number): Promise<Event | undefined> {
    return this.writer.read(() => this.find(id));
  }

  read(query: EventQuery): Promise<Batch> {
    return this.writer.read(() => this.select(query));
  }

  count(channel: string, from: number, to: number, most: number): Promise<number> {
    return this.writer.read(() => Number(this.sql.count.get({ channel, from, to, most })?.count));
  }

  tip(): Promise<number> {
    return this.writer.read(() => this.newest());
  }

  insert(draft: EventDraft, timestamp: string): Event {
    const { lastInsertRowid } = this.sql.insert.run(rowOf(draft, timestamp));
    const event = eventOf(lastInsertRowid, timestamp, draft);
    this.#cache.add(event);
    return event;
  }

  find(id: number): Event | undefined {
    return this.#chunk({ limit: 1, order: "asc" }, { after: id - 1, before: id + 1 })[0];
  }

  newest(): number {
    return this.#cache.tip();
  }

  select(query: EventQuery): Batch {
    const tip = this.newest();
    const { events, full } = this.#page(query);
    return batchOf(events, full, tip);
  }

  /** Forgets what is in memory, after a transaction that was undone. */
  forget(): void {
    this.#cache.forget();
  }

  #page(query: EventQuery): EventPage {
    const page = new EventPage(query);
    const params = paramsOf(query);
    while (page.room > 0) {
      const limit = Math.min(CHUNK, page.room);
      const chunk = this.#chunk({ ...query, limit }, params);
      for (const event of chunk) if (!page.add(event)) return page;
      const last = chunk.at(-1);
      if (last === undefined || chunk.length < limit) break;
      params[query.order === "asc" ? "after" : "before"] = last.id;
    }
    return page;
  }

  #chunk(query: EventQuery, params: Params): Event[] {
    const { after, before } = params;
    return this.#cache.find({ ...query, after, before }) ?? this.#stored(query, params);
  }

  #stored(query: EventQuery, params: Params): Event[] {
    const { order, correlation_id, event_types = [], limit } = query;
    const channels = channelsOf(query).length;
    const shape = [order, channels, correlation_id !== undefined, event_types.length].join();
    const select = this.#selects.get(shape) ?? this.parts.db.prepare(selectSql(query));
    this.#selects.set(shape, select);
    return select.all({ ...params, limit }).map(eventOfRow);
  }
}
