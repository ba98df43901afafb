import { Database as Sqlite } from "bun:sqlite";
import { afterAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import type { EventQuery } from "../../src/domain/store.ts";
import type { Database } from "../../src/runtime/runtime.ts";
import { MailTable } from "../../src/sqlite/direct_messages.ts";
import { EventTable } from "../../src/sqlite/events.ts";
import { NeedTable } from "../../src/sqlite/needs.ts";
import { lockDatabase, openFile } from "../../src/sqlite/open.ts";
import { SessionTable } from "../../src/sqlite/sessions.ts";
import { tempFolder } from "../support/folder.ts";
import { partsOn } from "../support/tables.ts";

const EVENTS = 50_000;
const path = join(tempFolder(), "data.db");
const { db, lock } = openFile(path, Date.now, lockDatabase(path));
// Most events on one channel and of one type, as on a real bus; the rest rare.
db.exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${EVENTS})
  INSERT INTO events (event_type, payload, session_id, timestamp, channel, correlation_id)
  SELECT iif(i % 1000 = 0, 'rare', 'common'), 'p', 's', '2026-01-01T00:00:00.000Z',
    iif(i % 700 = 0, 'repo:rare', 'all'), iif(i % 900 = 0, 'req', NULL) FROM n`);
const beside = new Sqlite(path, { readonly: true });
afterAll(() => {
  beside.close();
  db.close();
  lock.release();
});

function timeOf(run: () => unknown): number {
  const began = performance.now();
  run();
  return performance.now() - began;
}

/** The same connection, and every statement that is prepared on it. */
function recording(): { db: Database; statements: string[] } {
  const statements: string[] = [];
  const prepare: Database["prepare"] = (sql) => {
    statements.push(sql);
    return db.prepare(sql);
  };
  return { db: { ...db, prepare }, statements };
}

function planOf(sql: string): string[] {
  return (beside.query(`EXPLAIN QUERY PLAN ${sql}`).all() as { detail: string }[]).map(
    ({ detail }) => detail,
  );
}

const BY_INDEX =
  /^SEARCH events USING INDEX events_by_\w+ \((channel|event_type|correlation_id)=\? AND (id|rowid)>/;
const BY_ID = /^SEARCH events USING INTEGER PRIMARY KEY \(rowid>\? AND rowid<\?\)/;

function filtered(query: EventQuery): boolean {
  return Boolean(query.channel ?? query.event_types ?? query.correlation_id);
}

const combinations = [undefined, 25_000].flatMap((after) =>
  (["asc", "desc"] as const).flatMap((order) =>
    [undefined, "repo:rare", "all"].flatMap((channel) =>
      [undefined, ["rare"], ["common", "rare", "none"]].flatMap((event_types) =>
        [undefined, "req"].map(
          (correlation_id): EventQuery => ({ after, order, channel, event_types, correlation_id, limit: 50 }),
        ),
      ),
    ),
  ),
);

describe("every combination of get_events filters", () => {
  const { db: recorded, statements } = recording();
  const rows = new EventTable(partsOn(recorded));

  test("walks an index or the ids, and sorts no more than the pages of its branches", () => {
    expect(combinations).toHaveLength(72);
    for (const query of combinations) {
      const from = statements.length;
      rows.select(query);
      for (const sql of statements.slice(from)) {
        const plan = planOf(sql);
        const reads = plan.filter((step) => / events\b/.test(step));
        expect(reads.length).toBe(query.event_types?.length ?? 1);
        for (const step of reads) expect(step).toMatch(filtered(query) ? BY_INDEX : BY_ID);
        if (query.event_types === undefined || query.event_types.length === 1)
          expect(plan.join("\n")).not.toContain("TEMP B-TREE");
      }
    }
    expect(statements).toHaveLength(27);
  });

  test("walks an index for each form of a channel that has several", () => {
    const from = statements.length;
    rows.select({ order: "desc", channel: "repo:café", event_types: ["common", "rare"], limit: 50 });
    const [sql = "", ...others] = statements.slice(from);
    expect(others).toEqual([]);
    const reads = planOf(sql).filter((step) => / events\b/.test(step));
    expect(reads).toHaveLength(4);
    for (const step of reads) expect(step).toMatch(BY_INDEX);
  });

  test("answers what a plain filter over all events answers", () => {
    const all = beside.query("SELECT * FROM events ORDER BY id").all() as Record<string, unknown>[];
    for (const query of combinations) {
      const expected = all.filter(
        (row) =>
          Number(row.id) > (query.after ?? 0) &&
          (query.channel === undefined || row.channel === query.channel) &&
          (query.event_types === undefined || query.event_types.includes(String(row.event_type))) &&
          (query.correlation_id === undefined || row.correlation_id === query.correlation_id),
      );
      if (query.order === "desc") expected.reverse();
      expect(rows.select(query).events.map((event) => event.id)).toEqual(
        expected.slice(0, query.limit).map((row) => Number(row.id)),
      );
    }
  });

  test("takes a few milliseconds at most", () => {
    let slowest = { ms: 0, query: "" };
    for (const query of combinations) {
      const ms = Math.min(...[1, 2, 3].map(() => timeOf(() => rows.select(query))));
      if (ms > slowest.ms) slowest = { ms, query: JSON.stringify(query) };
    }
    console.log(
      `slowest of ${combinations.length} over ${EVENTS} events: ${slowest.ms.toFixed(1)} ms ${slowest.query}`,
    );
    expect(slowest.ms).toBeLessThan(200);
  });
});

test("no statement about sessions, claims or the tip reads a whole table", () => {
  const { db: recorded, statements } = recording();
  const parts = partsOn(recorded);
  const events = new EventTable(parts);
  new SessionTable({ ...parts, events, mail: new MailTable(partsOn(db)) });
  const read = statements.filter((sql) => !/^\s*INSERT/.test(sql));
  expect(read.length).toBeGreaterThan(8);
  for (const sql of read) {
    const steps = planOf(sql).filter((step) => /^SCAN/.test(step));
    expect({ sql, steps: steps.filter((step) => !/sqlite_sequence|subquery/.test(step)) }).toEqual({
      sql,
      steps: [],
    });
  }
});

test("statements about needs read one by its key, or the open ones, or the latest", () => {
  const { db: recorded, statements } = recording();
  new NeedTable(partsOn(recorded));
  const read = statements.filter((sql) => !/^\s*INSERT/.test(sql));
  const plans = new Set(read.flatMap(planOf));
  expect([...plans].sort()).toEqual([
    "SCAN needs",
    "SCAN needs USING INDEX needs_open",
    "SEARCH needs USING COVERING INDEX needs_by_correlation (correlation_id=?)",
    "SEARCH needs USING INDEX sqlite_autoindex_needs_1 (key=?)",
    "SEARCH needs USING INTEGER PRIMARY KEY (rowid=?)",
  ]);
  // The latest, in the order of the table.
  expect(read.filter((sql) => planOf(sql).includes("SCAN needs"))).toEqual([
    expect.stringMatching(/ORDER BY need_id DESC LIMIT/),
  ]);
});

test("the indices are those of the schema, once each", () => {
  const indices = beside.query(
    "SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL ORDER BY name",
  );
  expect(indices.values().flat()).toEqual([
    "aliases_by_session",
    "claims_by_session",
    "deliveries_by_state",
    "deliveries_done",
    "deliveries_due",
    "events_by_channel",
    "events_by_correlation",
    "events_by_type",
    "mail_by_event",
    "mail_unseen",
    "needs_by_correlation",
    "needs_open",
    "pushes_by_session",
    "pushes_by_time",
    "sessions_by_client",
    "sessions_by_display_id",
    "sessions_by_name",
    "sessions_by_process",
    "sessions_present",
  ]);
});
