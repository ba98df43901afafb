import { batchOf, EventPage } from "../domain/event_page.ts";
import { folded, holdsText, isShort, MOST_WITHOUT_INDEX } from "../domain/search.ts";
import type { Found, IndexProgress, SearchQuery, SearchStore } from "../domain/store.ts";
import { attempt } from "../lib/attempt.ts";
import type { Row, Statement } from "../runtime/runtime.ts";
import { eventOfRow } from "./event_sql.ts";
import type { EventTable } from "./events.ts";
import { troubleOf } from "./faults.ts";
import { type Parts, Table } from "./parts.ts";
import { matchOf, searchParams, searchSql, type Way } from "./search_sql.ts";
import { OneByOne, type Range, Steps } from "./search_steps.ts";
import type { TextIndex } from "./text_index.ts";
import { wireTime } from "./time.ts";

const SQL = {
  lowest: "SELECT id, timestamp FROM events WHERE id > $after AND id < $before ORDER BY id LIMIT 1",
  highest: "SELECT id FROM events WHERE id > $after AND id < $before ORDER BY id DESC LIMIT 1",
  skipping: "SELECT id FROM events WHERE id < $before ORDER BY id DESC LIMIT 1 OFFSET $count",
};

export interface SearchParts extends Parts {
  events: EventTable;
  index: TextIndex;
}

/** Each step in the index has to find its place there first, which takes longer than to go over some ten thousand ids. */
const STEP_IDS = {
  ids: { least: 1_024, most: 32_768 },
  index: { least: 131_072, most: 1_048_576 },
} as const;
/** Work on some steps together before others have their turn (ms). */
const SLICE_MS = 4;

/** Finds events by what no index of the table answers. */
export class SearchTable extends Table<keyof typeof SQL, SearchParts> implements SearchStore {
  /** By the SQL's shape. */
  readonly #selects = new Map<string, Statement>();
  readonly #turns = new OneByOne();

  constructor(parts: SearchParts) {
    super(parts, SQL);
  }

  async find(query: SearchQuery): Promise<Found> {
    await this.#turns.next();
    const wanted = query.text === undefined ? undefined : folded(query.text);
    const tip = await this.writer.read(() => this.parts.events.newest());
    const before = Math.min(query.before ?? tip + 1, tip + 1);
    const least = wanted !== undefined && isShort(wanted) ? await this.#leastShort(before) : 0;
    const range = { after: Math.max(query.after ?? 0, least), before };
    const page = new EventPage(query);
    for (const stretch of this.#stretches(range, query, wanted))
      await this.#walk(query, wanted, stretch, page);
    return { ...batchOf(page.events, page.full, tip), partial: least > (query.after ?? 0) };
  }

  lastBefore(at: number): Promise<number> {
    return this.writer.read(() => {
      let [low, high] = [0, this.parts.events.newest()];
      while (low < high) {
        const middle = Math.ceil((low + high) / 2);
        const event = this.sql.lowest.get({ after: middle - 1, before: high + 1 });
        if (event !== undefined && !(Date.parse(wireTime(event.timestamp)) >= at)) low = Number(event.id);
        else high = middle - 1;
      }
      return low;
    });
  }

  progress(): IndexProgress {
    const { upTo } = this.parts.index;
    return { upTo, tip: attempt(() => this.parts.events.newest()) ?? upTo };
  }

  /** Events that the index does not hold yet are found by their ids. */
  #stretches(range: Range, { order }: SearchQuery, wanted: string | undefined): Stretch[] {
    if (wanted === undefined || isShort(wanted)) return [{ ...range, way: "ids" }];
    const { upTo } = this.parts.index;
    const indexed = { after: range.after, before: Math.min(range.before, upTo + 1), way: "index" } as const;
    const others = { after: Math.max(range.after, upTo), before: range.before, way: "ids" } as const;
    return order === "asc" ? [indexed, others] : [others, indexed];
  }

  async #walk(query: SearchQuery, wanted: string | undefined, { way, ...range }: Stretch, page: EventPage) {
    const match = way === "index" && wanted !== undefined ? matchOf(wanted) : "";
    const walk = { query, wanted, way, match, steps: new Steps(range, query.order, STEP_IDS[way]), page };
    let slice = performance.now();
    while (page.room > 0) {
      if (performance.now() - slice > SLICE_MS) {
        await this.#turns.next();
        slice = performance.now();
      }
      if (!(await this.writer.read(() => this.#step(walk), true))) return;
    }
  }

  /** False if nothing is left of the range, or no room on the page. */
  #step(walk: Walk): boolean {
    const { query, wanted, steps, page } = walk;
    const began = performance.now();
    const { lowest, highest } = this.sql;
    const nearest = (query.order === "asc" ? lowest : highest).get({ ...steps.left });
    if (nearest === undefined) return false;
    const range = steps.next(Number(nearest.id));
    const rows = this.#rows(walk, range);
    for (const row of rows) {
      if (wanted !== undefined && !rowHolds(row, wanted)) continue;
      if (page.room === 0 || !page.add(eventOfRow(row))) return false;
    }
    const last = rows.length < range.limit ? undefined : Number(rows.at(-1)?.id);
    steps.took(performance.now() - began, range, last);
    return true;
  }

  /** A damaged index is done without. */
  #rows(walk: Walk, range: Range & { limit: number }): Row[] {
    const { query, way, match } = walk;
    const params = { ...searchParams(query), ...range };
    if (way === "ids") return this.#select(query, way).all(params);
    try {
      return this.#select(query, way).all({ ...params, match });
    } catch (error) {
      if (troubleOf(error) !== "storage_corrupt") throw error;
      walk.way = "ids";
      return this.#rows(walk, range);
    }
  }

  #select(query: SearchQuery, way: Way): Statement {
    const sql = searchSql(query, way);
    const select = this.#selects.get(sql) ?? this.parts.db.prepare(sql);
    this.#selects.set(sql, select);
    return select;
  }

  /** The events up to here are left out of a search without an index. */
  #leastShort(before: number): Promise<number> {
    const skipped = { before, count: MOST_WITHOUT_INDEX };
    return this.writer.read(() => Number(this.sql.skipping.get(skipped)?.id ?? 0));
  }
}

/** Hot path: most rows with the parts of a text do not hold the text, and only a few have a title. */
function rowHolds(row: Row, wanted: string): boolean {
  return (
    folded(String(row.payload)).includes(wanted) ||
    (row.payload_meta !== null && holdsText(eventOfRow(row), wanted))
  );
}

interface Stretch extends Range {
  way: Way;
}

interface Walk {
  query: SearchQuery;
  wanted: string | undefined;
  way: Way;
  /** The query of the index. */
  match: string;
  steps: Steps;
  page: EventPage;
}
