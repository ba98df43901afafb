import { type Event, eventOf } from "../domain/event.ts";
import { parseMeta } from "../domain/event_meta.ts";
import { batchOf, EventPage } from "../domain/event_page.ts";
import type { Batch, EventQuery, Events } from "../domain/store.ts";
import { formsOf } from "../lib/unicode_form.ts";
import {
  type Connection,
  type Named,
  type Row,
  type Statement,
  statement,
  statements,
} from "./connection.ts";
import { Table } from "./parts.ts";
import { Transaction } from "./transaction.ts";

/** The columns of an event, separated by comma and space. */
export const EVENT_COLUMNS =
  "id, event_type, payload, session_id, timestamp, channel, correlation_id, payload_meta, origin";

/**
 * The events between `$after` and `$before` that have a value in an indexed column. Rows are compared, so that only that index
 * has their order. With `=`, the planner may walk along all events, which takes long if few of them have the value.
 */
export function between(column: string, value: string): string {
  return `(${column}, id) > (${value}, $after) AND (${column}, id) < (${value}, $before) AND ${column} IS NOT NULL`;
}

const SQL = statements({
  get: `SELECT ${EVENT_COLUMNS} FROM events WHERE id = $id`,
  count: `SELECT count(*) AS count FROM (SELECT 1 FROM events WHERE ${between("channel", "$channel::text")}
    ORDER BY channel, id LIMIT $most) AS counted`,
  tip: "SELECT last FROM sequencer",
});

/** Reads go in chunks, so that a thousand large payloads are never in memory at once. */
const CHUNK = 50;

/** The log of events. */
export class EventTable extends Table implements Events {
  /** By the query's shape. */
  readonly #selects = new Map<string, Statement>();

  get(id: number): Promise<Event | undefined> {
    return this.reading((connection) => this.find(connection, id));
  }

  async read(query: EventQuery): Promise<Batch> {
    return this.reading((connection) => this.select(connection, query));
  }

  async count(channel: string, from: number, to: number, most: number): Promise<number> {
    const params = { channel, after: from - 1, before: to + 1, most };
    return Number((await this.rows(SQL.count, params))[0]?.count);
  }

  async tip(): Promise<number> {
    return this.reading((connection) => this.newest(connection));
  }

  async find(connection: Connection, id: number): Promise<Event | undefined> {
    return (await connection.run(SQL.get, { id })).map(eventOfRow)[0];
  }

  async newest(connection: Connection): Promise<number> {
    if (connection instanceof Transaction) return connection.last;
    return Number((await connection.run(SQL.tip))[0]?.last);
  }

  async select(connection: Connection, query: EventQuery): Promise<Batch> {
    const tip = await this.newest(connection);
    const page = new EventPage(query);
    const params: Record<string, unknown> = paramsOf(query);
    while (page.room > 0) {
      const limit = Math.min(CHUNK, page.room);
      const chunk = (await connection.run(this.#selectOf(query), { ...params, limit })).map(eventOfRow);
      for (const event of chunk) if (!page.add(event)) return batchOf(page.events, page.full, tip);
      const last = chunk.at(-1);
      if (last === undefined || chunk.length < limit) break;
      params[query.order === "asc" ? "after" : "before"] = last.id;
    }
    return batchOf(page.events, page.full, tip);
  }

  #selectOf(query: EventQuery): Statement {
    const text = selectText(query);
    const known = this.#selects.get(text) ?? statement(text);
    this.#selects.set(text, known);
    return known;
  }
}

/** The SQL of a query. Queries of one shape share it. */
function selectText({ order, channel, correlation_id, event_types = [] }: EventQuery): string {
  // One walk for each wanted channel and type: each is bounded, whatever the other events are.
  const lists: string[] = [];
  const wanted: [column: string, value: string][] = [];
  if (correlation_id !== undefined) wanted.push(["correlation_id", "$correlation_id::text"]);
  if (channel !== undefined) {
    lists.push("unnest($channels::text[]) AS wanted_channel");
    wanted.push(["channel", "wanted_channel"]);
  }
  if (event_types.length > 0) {
    lists.push("unnest($event_types::text[]) AS wanted_type");
    wanted.push(["event_type", "wanted_type"]);
  }
  const walk = walkText(order, wanted);
  if (lists.length === 0) return walk;
  return `SELECT ${EVENT_COLUMNS} FROM ${lists.join(" CROSS JOIN ")}
    CROSS JOIN LATERAL (${walk}) AS found ORDER BY id ${order} LIMIT $limit`;
}

/** Walks along the index of the first wanted column. */
function walkText(
  order: EventQuery["order"],
  [first, ...others]: readonly (readonly [column: string, value: string])[],
): string {
  const select = `SELECT ${EVENT_COLUMNS} FROM events WHERE`;
  if (first === undefined) return `${select} id > $after AND id < $before ORDER BY id ${order} LIMIT $limit`;
  const filters = [between(...first), ...others.map(([column, value]) => `${column} = ${value}`)];
  return `${select} ${filters.join(" AND ")} ORDER BY ${first[0]} ${order}, id ${order} LIMIT $limit`;
}

function paramsOf({ after, before, channel, correlation_id, event_types }: EventQuery): Named {
  return {
    ...{ after: after ?? 0, before: before ?? Number.MAX_SAFE_INTEGER },
    ...{ correlation_id, event_types: [...new Set(event_types)] },
    channels: channel === undefined ? undefined : formsOf(channel),
  };
}

export function eventOfRow(row: Row): Event {
  return eventOf(Number(row.id), String(row.timestamp), {
    event_type: String(row.event_type),
    payload: String(row.payload),
    session_id: String(row.session_id),
    channel: String(row.channel),
    correlation_id: row.correlation_id === null ? null : String(row.correlation_id),
    origin: row.origin === null ? null : String(row.origin),
    ...(row.payload_meta === null ? {} : parseMeta(String(row.payload_meta))),
  });
}
