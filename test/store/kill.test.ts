import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { existsSync, statSync } from "node:fs";
import { type ProcessBus, startBus } from "../support/bus.ts";
import { tempFolder } from "../support/folder.ts";

const ROUNDS = 100;
const CLIENTS = 8;
// Long ones make the log of writes reach its checkpoint within a round.
const PADDING = "x".repeat(2_000);

interface Acknowledged {
  /** Payload by event id. */
  events: Map<number, string>;
  newest: number;
  outOfOrder: number;
}

/** Publishes until the bus is gone and notes what was acknowledged. */
async function client(bus: ProcessBus, name: string, acknowledged: Acknowledged): Promise<void> {
  for (let i = 0; ; i++) {
    const payload = `${name}-${i} ${i % 3 === 0 ? PADDING : ""}`;
    const before = acknowledged.newest;
    try {
      const { event_id } = await bus.call("publish_event", { event_type: "t", payload, session_id: name });
      if (event_id <= before || acknowledged.events.has(event_id)) acknowledged.outOfOrder++;
      acknowledged.events.set(event_id, payload);
      acknowledged.newest = Math.max(acknowledged.newest, event_id);
    } catch {
      return;
    }
  }
}

interface Found {
  lost: number;
  integrity: unknown;
  highest: number;
}

/** What a reader that changes nothing finds of the events after `from`, before the next bus repairs anything. */
function inspect(path: string, acknowledged: Acknowledged, from: number): Found {
  const db = new Database(path, { readonly: true });
  try {
    const rows = db.query("SELECT id, payload FROM events WHERE id > ? ORDER BY id").values(from);
    const stored = new Map(rows as [number, string][]);
    const expected = [...acknowledged.events].filter(([id]) => id > from);
    return {
      lost: expected.filter(([id, payload]) => stored.get(id) !== payload).length,
      integrity: db.query("PRAGMA integrity_check").values()[0]?.[0],
      highest: Number(rows.at(-1)?.[0] ?? from),
    };
  } finally {
    db.close(true);
  }
}

test(`${ROUNDS} times kill -9 under ${CLIENTS} publishing clients lose no acknowledged event`, async () => {
  const folder = tempFolder();
  const acknowledged: Acknowledged = { events: new Map(), newest: 0, outOfOrder: 0 };
  let previous = 0;
  let lost = 0;
  let broken = 0;
  let withLog = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const bus = await startBus("binary", { folder });
    const clients = Array.from({ length: CLIENTS }, (_, i) => client(bus, `c${round}-${i}`, acknowledged));
    await Bun.sleep(50 + Math.random() * 350);
    await bus.kill();
    await Promise.all(clients);
    if (existsSync(`${bus.db}-wal`) && statSync(`${bus.db}-wal`).size > 0) withLog++;
    const found = inspect(bus.db, acknowledged, previous);
    lost += found.lost;
    if (found.integrity !== "ok") broken++;
    previous = found.highest;
    acknowledged.newest = Math.max(acknowledged.newest, found.highest);
  }
  const last = await startBus("binary", { folder });
  const { event_id } = await last.call("publish_event", { event_type: "t", payload: "last" });
  expect(await last.stop()).toBe(0);
  const all = inspect(last.db, acknowledged, 0);
  const { size } = acknowledged.events;
  console.log(
    `${ROUNDS} kills, ${size} acknowledged, ${lost + all.lost} lost, ${previous - size} stored but not acknowledged, ` +
      `${acknowledged.outOfOrder} out of order, ${broken} damaged, ${withLog} kills left a log of writes`,
  );
  expect({ lost: lost + all.lost, outOfOrder: acknowledged.outOfOrder, broken }).toEqual({
    lost: 0,
    outOfOrder: 0,
    broken: 0,
  });
  expect(event_id).toBe(previous + 1);
  expect(size).toBeGreaterThan(ROUNDS * 20);
  expect(withLog).toBeGreaterThan(ROUNDS / 2);
}, 180_000);
