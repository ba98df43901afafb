import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { join } from "node:path";
import { append as appendTo } from "../../src/domain/publish.ts";
import type { EventQuery } from "../../src/domain/store.ts";
import { lockDatabase, openStore } from "../../src/sqlite/store.ts";
import { tempFolder } from "../support/folder.ts";

const SEED = Number(process.env.SEED ?? 7);
let state = SEED;
const random = (below: number) => {
  state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
  return state % below;
};
const pick = <T>(values: readonly T[]): T => values[random(values.length)] as T;

const CHANNELS = ["all", "repo:a", "session:x"];
const TYPES = ["common", "rare"];

function opened() {
  const path = join(tempFolder(), "data.db");
  const store = openStore(path, lockDatabase(path), { now: Date.now });
  const beside = new Database(path);
  const append = (payload: string) =>
    appendTo(store, {
      event_type: pick(TYPES),
      payload,
      session_id: "s",
      channel: pick(CHANNELS),
      correlation_id: pick([null, "c"]),
      title: pick([undefined, "T"]),
      tags: pick([undefined, ["a", "b"]]),
      origin: "local",
    });
  const query = (tip: number): EventQuery => ({
    after: pick([undefined, tip, tip - 1, random(tip + 1), Math.max(0, tip - random(700))]),
    limit: pick([1, 7, 50, 120]),
    order: pick(["asc", "desc"]),
    channel: pick([undefined, undefined, ...CHANNELS]),
    event_types: pick([undefined, undefined, ["rare"], ["common", "rare"], []]),
    correlation_id: pick([undefined, undefined, "c"]),
  });
  return { store, beside, append, query };
}

/** What the table holds, found by plain SQL on another connection. */
function plain(beside: Database, query: EventQuery): number[] {
  const rows = beside.query("SELECT * FROM events ORDER BY id").all() as Record<string, unknown>[];
  const found = rows.filter(
    (row) =>
      Number(row.id) > (query.after ?? 0) &&
      (query.channel === undefined || row.channel === query.channel) &&
      (!query.event_types?.length || query.event_types.includes(String(row.event_type))) &&
      (query.correlation_id === undefined || row.correlation_id === query.correlation_id),
  );
  if (query.order === "desc") found.reverse();
  return found.slice(0, query.limit).map((row) => Number(row.id));
}

test(`reads answer what the table holds, however many events there are (seed ${SEED})`, async () => {
  const { store, beside, append, query } = opened();
  const ids = async (wanted: EventQuery) => (await store.events.read(wanted)).events.map(({ id }) => id);
  for (let stored = 0; stored < 2_600; stored += 65) {
    await Promise.all(Array.from({ length: 65 }, (_, i) => append(`${stored + i}`)));
    const tip = await store.events.tip();
    expect(tip).toBe(stored + 65);
    for (let i = 0; i < 12; i++) {
      const wanted = query(tip);
      expect([wanted, await ids(wanted)]).toEqual([wanted, plain(beside, wanted)]);
    }
  }
  await store.close();
});

test("an event is the same whether it comes from memory or from the table", async () => {
  const { store, beside, append } = opened();
  for (let i = 0; i < 40; i++) await append(`payload ${i} é 🎉`);
  const fromMemory = (await store.events.read({ limit: 40, order: "asc" })).events;
  // Whatever another connection changes is read again, after a moment.
  beside.run("INSERT INTO bus (key, value) VALUES ('touched', '1')");
  await Bun.sleep(150);
  const fromTable = (await store.events.read({ limit: 40, order: "asc" })).events;
  expect(fromTable).toEqual(fromMemory);
  expect(fromTable[0]).not.toBe(fromMemory[0]);
  expect((await store.events.read({ limit: 40, order: "asc" })).events[0]).toBe(fromTable[0]);
  await store.close();
});

test("events that another program added are found", async () => {
  const { store, beside, append } = opened();
  await append("ours");
  await store.events.read({ limit: 50, order: "desc" });
  beside.run(
    "INSERT INTO events (event_type, payload, session_id, timestamp) VALUES ('t', 'theirs', 's', '2026-01-31T08:00:00.000Z')",
  );
  await append("ours again");
  const after = await store.events.read({ after: 1, limit: 50, order: "asc" });
  expect(after.events.map(({ payload }) => payload)).toEqual(["theirs", "ours again"]);
  beside.run(
    "INSERT INTO events (event_type, payload, session_id, timestamp) VALUES ('t', 'last', 's', '2026-01-31T08:00:00.000Z')",
  );
  await Bun.sleep(150);
  const { events } = await store.events.read({ limit: 50, order: "desc" });
  expect(events.map(({ payload }) => payload)).toEqual(["last", "ours again", "theirs", "ours"]);
  expect(await store.events.tip()).toBe(4);
  await store.close();
});

test("a read that is made again answers the same until something changes, and no other read is taken for it", async () => {
  const { store, append } = opened();
  for (const payload of ["a", "b", "c"]) await append(payload);
  const newest = { limit: 2, order: "desc", most_bytes: 1_000_000 } as const;
  const first = await store.events.read(newest);
  expect(await store.events.read({ ...newest })).toEqual(first);
  const others: [Partial<EventQuery>, string[]][] = [
    [{ limit: 1 }, ["c"]],
    [{ limit: 3 }, ["c", "b", "a"]],
    [{ order: "asc" }, ["a", "b"]],
    [{ after: 2 }, ["c"]],
    [{ most_bytes: 1 }, ["c"]],
    [{ channel: "none" }, []],
    [{ event_types: ["none"] }, []],
    [{ correlation_id: "none" }, []],
  ];
  for (const [other, found] of others) {
    const { events } = await store.events.read({ ...newest, ...other });
    expect({ other, found: events.map(({ payload }) => payload) }).toEqual({ other, found });
  }
  await append("d");
  const { events, tip, highest } = await store.events.read(newest);
  expect({ tip, highest, found: events.map(({ payload }) => payload) }).toEqual({
    tip: 4,
    highest: 4,
    found: ["d", "c"],
  });
  await store.close();
});

test("what was undone with its transaction is not read", async () => {
  const { store, beside, append } = opened();
  await append("first");
  await store.events.read({ limit: 50, order: "desc" });
  beside.run(
    "CREATE TRIGGER refused BEFORE INSERT ON events WHEN NEW.payload = 'bad' BEGIN SELECT RAISE(ABORT, 'no'); END",
  );
  const results = await Promise.allSettled(["a", "b", "bad", "c"].map(append));
  expect(results.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected", "fulfilled"]);
  const { events } = await store.events.read({ limit: 50, order: "asc" });
  expect(events.map(({ payload }) => payload)).toEqual(["first", "a", "b", "c"]);
  expect(events.map(({ id }) => id)).toEqual([1, 2, 3, 4]);
  await store.close();
});

test("an event whose commit failed is not read", async () => {
  const { store, beside, append } = opened();
  await append("first");
  await store.events.read({ limit: 50, order: "desc" });
  beside.run(`CREATE TABLE elders (id INTEGER PRIMARY KEY);
    CREATE TABLE children (elder INTEGER REFERENCES elders (id) DEFERRABLE INITIALLY DEFERRED);
    CREATE TRIGGER orphaned AFTER INSERT ON events WHEN NEW.payload = 'bad'
      BEGIN INSERT INTO children (elder) VALUES (1); END`);
  await expect(append("bad")).rejects.toThrow();
  const { events } = await store.events.read({ limit: 50, order: "desc" });
  expect(events.map(({ payload }) => payload)).toEqual(["first"]);
  expect(await store.events.tip()).toBe(1);
  await store.close();
});

test("large payloads do not stay in memory, and are read all the same", async () => {
  const { store, append } = opened();
  const large = "x".repeat(600_000);
  await append("small");
  await store.events.read({ limit: 50, order: "desc" });
  for (let i = 0; i < 3; i++) await append(large);
  await append("last");
  const { events } = await store.events.read({
    limit: 50,
    order: "desc",
    most_bytes: 1e9,
  });
  expect(events.map(({ payload }) => payload.length)).toEqual([4, 600_000, 600_000, 600_000, 5]);
  await store.close();
});
