import type { Event } from "../domain/event.ts";
import { batchOf, EventPage } from "../domain/event_page.ts";
import { folded, holdsText, isShort, MOST_WITHOUT_INDEX } from "../domain/search.ts";
import type { Found, IndexProgress, SearchQuery, SearchStore } from "../domain/store.ts";
import { formsOf } from "../lib/unicode_form.ts";
import { type Connection, type Named, type Statement, statement, statements } from "./connection.ts";
import { EVENT_COLUMNS, type EventTable, eventOfRow } from "./events.ts";
import { type Parts, Table } from "./parts.ts";
import type { TextIndex } from "./text_index.ts";

const SQL = statements({
  skipping: "SELECT id FROM events WHERE id < $before ORDER BY id DESC LIMIT 1 OFFSET $count",
  isBefore: "SELECT timestamp < $at::timestamptz AS is_before FROM events WHERE id = $id",
});

/** Reads go in chunks, so that many large payloads are never in memory at once. */
const CHUNK = 50;

const LISTS = { senders: "session_id", channels: "channel", event_types: "event_type" } as const;

export interface SearchParts extends Parts {
  events: EventTable;
  index: TextIndex;
  /** The newest event that is known. */
  tip(): number;
}

/** A part of the log, both ends excluded, and whether the index of texts holds it. */
interface Stretch {
  after: number;
  before: number;
  indexed: boolean;
}

/** Finds events by what no index of the table answers. */
export class SearchTable extends Table<SearchParts> implements SearchStore {
  find(query: SearchQuery): Promise<Found> {
    return this.reading(async (connection) => {
      const wanted = query.text === undefined ? undefined : folded(query.text);
      const tip = await this.parts.events.newest(connection);
      const before = Math.min(query.before ?? tip + 1, tip + 1);
      const least = wanted !== undefined && isShort(wanted) ? await leastShort(connection, before) : 0;
      const range = { after: Math.max(query.after ?? 0, least), before };
      const page = new EventPage(query);
      for (const stretch of this.#stretches(range, query, wanted))
        await walk(connection, { query, wanted, stretch, page });
      return { ...batchOf(page.events, page.full, tip), partial: least > (query.after ?? 0) };
    });
  }

  lastBefore(at: number): Promise<number> {
    const time = new Date(at).toISOString();
    return this.reading(async (connection) => {
      let [low, high] = [0, await this.parts.events.newest(connection)];
      while (low < high) {
        const middle = Math.ceil((low + high) / 2);
        const [row] = await connection.run(SQL.isBefore, { id: middle, at: time });
        if (row?.is_before === true) low = middle;
        else high = middle - 1;
      }
      return low;
    });
  }

  progress(): IndexProgress {
    const { upTo } = this.parts.index;
    return { upTo, tip: Math.max(upTo, this.parts.tip()) };
  }

  /** Events that the index does not hold yet are found by their ids. */
  #stretches(
    range: { after: number; before: number },
    { order }: SearchQuery,
    wanted: string | undefined,
  ): Stretch[] {
    if (wanted === undefined || isShort(wanted)) return [{ ...range, indexed: false }];
    const { upTo } = this.parts.index;
    const indexed = { after: range.after, before: Math.min(range.before, upTo + 1), indexed: true };
    const others = { after: Math.max(range.after, upTo), before: range.before, indexed: false };
    return order === "asc" ? [indexed, others] : [others, indexed];
  }
}

/** The events up to here are left out of a search without an index. */
async function leastShort(connection: Connection, before: number): Promise<number> {
  const [row] = await connection.run(SQL.skipping, { before, count: MOST_WITHOUT_INDEX });
  return Number(row?.id ?? 0);
}

interface Walk {
  query: SearchQuery;
  wanted: string | undefined;
  stretch: Stretch;
  page: EventPage;
}

async function walk(connection: Connection, { query, wanted, stretch, page }: Walk): Promise<void> {
  const select = selectOf(query, stretch.indexed);
  const range = { after: stretch.after, before: stretch.before };
  const pattern = wanted === undefined ? null : `%${wanted.replaceAll(/[\\%_]/g, "\\$&")}%`;
  while (page.room > 0 && range.after + 1 < range.before) {
    const rows = await connection.run(select, { ...paramsOf(query), ...range, pattern, limit: CHUNK });
    const events = rows.map(eventOfRow);
    for (const event of events) if (holds(event, wanted) && (page.room === 0 || !page.add(event))) return;
    const last = events.at(-1);
    if (last === undefined || events.length < CHUNK) return;
    range[query.order === "asc" ? "after" : "before"] = last.id;
  }
}

function holds(event: Event, wanted: string | undefined): boolean {
  return wanted === undefined || holdsText(event, wanted);
}

function selectOf(query: SearchQuery, indexed: boolean): Statement {
  const { channel, correlation_id, order } = query;
  const filters = [
    ...["id > $after", "id < $before"],
    ...(indexed
      ? ["id IN (SELECT id FROM events_text WHERE text LIKE $pattern AND id > $after AND id < $before)"]
      : []),
    ...(channel === undefined ? [] : ["channel = ANY($forms::text[])"]),
    ...(correlation_id === undefined ? [] : ["correlation_id = $correlation_id"]),
    ...listsOf(query).map((list) => `${LISTS[list]} = ANY($${list}::text[])`),
  ];
  return statement(
    `SELECT ${EVENT_COLUMNS} FROM events WHERE ${filters.join(" AND ")} ORDER BY id ${order} LIMIT $limit`,
  );
}

function paramsOf({ channel, correlation_id, senders, channels, event_types }: SearchQuery): Named {
  const forms = channel === undefined ? undefined : formsOf(channel);
  return { forms, correlation_id, senders, channels, event_types };
}

function listsOf(query: SearchQuery): (keyof typeof LISTS)[] {
  const given = (Object.keys(LISTS) as (keyof typeof LISTS)[]).filter((list) => query[list] !== undefined);
  return given.filter((list) => list !== "event_types" || query.event_types?.length !== 0);
}
