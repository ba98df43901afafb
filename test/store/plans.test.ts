// PostgreSQL plans by statistics of a whole table. A read of what few events have must not become a walk along all of them.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { connect, type Named, type Pool, type Statement } from "../../src/postgres/connection.ts";
import { MailTable } from "../../src/postgres/direct_messages.ts";
import { EventTable } from "../../src/postgres/events.ts";
import type { Parts } from "../../src/postgres/parts.ts";
import { removeFolders } from "../support/folder.ts";
import { freePort } from "../support/port.ts";
import { noPostgres, onServer, type Server, startPostgres } from "../support/postgres.ts";
import { openAt } from "./open_at.ts";

const EVENTS = 20_000;
/** All events are in more pages. */
const MOST_PAGES = 60;
/** As for a statement that a connection has prepared, which does not know the values. */
const GENERIC = "?options=-c%20plan_cache_mode%3Dforce_generic_plan";

let server: Server;
let pool: Pool;
/** Pages that each statement looked at. */
const pages: number[] = [];

beforeAll(async () => {
  if (noPostgres !== null) return;
  server = await startPostgres(await freePort());
  const url = await server.database();
  await (await openAt(url, { now: Date.now })).close();
  for (const text of [
    `INSERT INTO events (id, event_type, payload, session_id, timestamp, channel, correlation_id)
      SELECT i, CASE WHEN i < 4 THEN 'rare' ELSE 't' || i % 10 END, repeat('x', 200), 's', now(),
        CASE WHEN i < 4 THEN 'rare' ELSE 'c' || i % 10 END, CASE WHEN i < 4 THEN 'rare' ELSE 'q' || i % 10 END
      FROM generate_series(1, ${EVENTS}) AS i`,
    `INSERT INTO mail (recipient, event_id) SELECT CASE WHEN i < 4 THEN 'rare' ELSE 'r' || i % 10 END, i
      FROM generate_series(1, ${EVENTS}) AS i`,
    `UPDATE sequencer SET last = ${EVENTS}`,
    "ANALYZE",
  ])
    await onServer(url, text);
  pool = connect(url + GENERIC);
});

afterAll(async () => {
  await pool?.close();
  await server?.kill();
  removeFolders();
});

/** Notes for each statement how much it looks at. */
const watched = {
  async run(statement: Statement, params?: Named) {
    const { text, names } = statement;
    const explained = { text: `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${text}`, names };
    const [row] = await pool.run(explained, params);
    const plans = row?.["QUERY PLAN"] as { Plan: Record<string, number> }[];
    for (const { Plan: plan } of plans)
      pages.push(Number(plan["Shared Hit Blocks"]) + Number(plan["Shared Read Blocks"]));
    return pool.run(statement, params);
  },
};

describe.skipIf(noPostgres !== null)("a few events among many others", () => {
  const parts = () => ({ pool: watched, now: Date.now, steady: Date.now }) as unknown as Parts;
  const read = async (query: object) =>
    (await new EventTable(parts()).read({ order: "desc", limit: 50, ...query })).events.map(({ id }) => id);
  const rare = { channel: "rare", event_types: ["rare"], correlation_id: "rare" };

  test.each([
    ["by channel", { channel: rare.channel }],
    ["by type", { event_types: rare.event_types }],
    ["by several types", { event_types: ["rare", "never"] }],
    ["by correlation", { correlation_id: rare.correlation_id }],
    ["by all of them", rare],
    ["by correlation among frequent ones", { ...rare, channel: "rare", event_types: ["t1", "rare"] }],
  ])("are found %s by a look at few pages", async (_, query) => {
    for (const [order, ids] of [
      ["desc", [3, 2, 1]],
      ["asc", [1, 2, 3]],
    ] as const) {
      pages.length = 0;
      expect(await read({ ...query, order })).toEqual([...ids]);
      expect(await read({ ...query, order, after: 1, before: 3 })).toEqual([2]);
      expect(Math.max(...pages)).toBeLessThan(MOST_PAGES);
    }
  });

  test("are counted, handed over and waiting in the same way", async () => {
    pages.length = 0;
    const [events, mail] = [new EventTable(parts()), new MailTable(parts())];
    expect(await events.count("rare", 2, EVENTS, 9)).toBe(2);
    expect((await mail.unseen("rare", 9)).map(({ event }) => event.id)).toEqual([1, 2, 3]);
    const query = { sessionId: "none", channels: ["rare", "never"], after: 0, before: EVENTS, limit: 9 };
    await mail.news(query as never);
    expect(Math.max(...pages)).toBeLessThan(MOST_PAGES);
  });

  test("a walk along all of them would be found", async () => {
    pages.length = 0;
    const text = `SELECT found.id FROM unnest($1::text[]) AS wanted CROSS JOIN LATERAL
      (SELECT id FROM events WHERE channel = wanted AND id > 0 ORDER BY id DESC LIMIT 50) AS found`;
    await watched.run({ text, names: ["channels"] }, { channels: ["rare"] });
    expect(pages[0]).toBeGreaterThan(MOST_PAGES);
  });
});
