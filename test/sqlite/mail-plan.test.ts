import { Database as Sqlite } from "bun:sqlite";
import { afterAll, expect, test } from "bun:test";
import { join } from "node:path";
import type { Database } from "../../src/runtime/runtime.ts";
import { ClaimTable } from "../../src/sqlite/claims.ts";
import { MailTable } from "../../src/sqlite/direct_messages.ts";
import { FutureHeartbeats } from "../../src/sqlite/future_heartbeats.ts";
import { lockDatabase, openFile } from "../../src/sqlite/open.ts";
import { SQL as SESSION_SQL } from "../../src/sqlite/session_sql.ts";
import { prepared } from "../../src/sqlite/statements.ts";
import { tempFolder } from "../support/folder.ts";
import { partsOn } from "../support/tables.ts";

const path = join(tempFolder(), "data.db");
const { db, lock } = openFile(path, Date.now, lockDatabase(path));
const beside = new Sqlite(path, { readonly: true });
afterAll(() => {
  beside.close();
  db.close();
  lock.release();
});

/** What the statements of a part do, each as SQLite plans it. */
function plansOf(rows: (db: Database) => unknown): { sql: string; steps: string[] }[] {
  const statements: string[] = [];
  rows({
    ...db,
    prepare(sql) {
      statements.push(sql);
      return db.prepare(sql);
    },
  });
  return statements.map((sql) => {
    const plan = beside.query(`EXPLAIN QUERY PLAN ${sql}`).all() as { detail: string }[];
    return { sql, steps: plan.map(({ detail }) => detail) };
  });
}

const mailTable = (db: Database) => new MailTable(partsOn(db));

const PARTS: [string, (db: Database) => unknown, number][] = [
  ["mail", mailTable, 26],
  ["claims", (db) => new ClaimTable(db), 10],
  ["heartbeats of the future", (db) => new FutureHeartbeats(partsOn(db)), 2],
  ["sessions", (db) => prepared(db, SESSION_SQL), 20],
];

/** A list that the caller gives, or the newest so many of an index. */
function isBounded(sql: string, step: string): boolean {
  const isNewest = sql.endsWith("ORDER BY event_id DESC LIMIT $limit");
  return /^SCAN json_each /.test(step) || (isNewest && step === "SCAN mail USING INDEX mail_by_event");
}

test.each(PARTS)("no statement about %s reads a whole table", (_, rows, count) => {
  const plans = plansOf(rows);
  expect(plans).toHaveLength(count);
  for (const { sql, steps } of plans) {
    const scans = steps.filter(
      (step) => /^SCAN/.test(step) && !/^SCAN (events|\(subquery-\d+\))$/.test(step) && !isBounded(sql, step),
    );
    // Those left are of a page of news, whose branches are bounded.
    expect({ sql, scans }).toEqual({ sql, scans: [] });
  }
});

test("what is unseen is found by its own index, what a message has come to by its event's", () => {
  const steps = plansOf(mailTable).map((plan) => ({ ...plan, steps: plan.steps.join("\n") }));
  const planOf = (part: string) => steps.find(({ sql }) => sql.includes(part))?.steps;
  expect(planOf("SELECT count(*)")).toMatch(/^SEARCH mail USING (COVERING )?INDEX mail_unseen/);
  expect(planOf("offers FROM mail INDEXED BY")).toMatch(/^SEARCH mail USING INDEX mail_unseen/);
  expect(planOf("WHERE event_id = $eventId ORDER BY")).toMatch(/^SEARCH mail USING INDEX mail_by_event/);
  expect(planOf("UPDATE OR IGNORE mail")).toMatch(/^SEARCH mail USING INDEX mail_unseen/);
});

test("a page of news sorts no more than the pages of its channels, each a walk along the index", () => {
  const steps = plansOf(mailTable).find(({ sql }) => sql.includes("$three"))?.steps ?? [];
  const walks = steps.filter(
    (step) => step === "SEARCH events USING INDEX events_by_channel (channel=? AND id>? AND id<?)",
  );
  expect(walks).toHaveLength(3);
  for (const [i, step] of steps.entries())
    if (step === "USE TEMP B-TREE FOR ORDER BY") expect(steps[i - 1]).toMatch(/^SCAN \(subquery-\d+\)$/);
});
