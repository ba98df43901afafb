import { Database } from "bun:sqlite";
import { expect } from "bun:test";
import { existsSync, statSync } from "node:fs";
import { type ProcessBus, startBus } from "./bus.ts";
import { type Ask, ChangingClient } from "./changing_client.ts";
import { tempFolder } from "./folder.ts";
import { hook } from "./webhook.ts";

const FOLDERS = 2;
const CLIENTS = 8;
const CHANGING = 4;
/** Events that are acknowledged at least before a kill. */
const EACH_ROUND = 25;
// Long ones make the log of writes reach its checkpoint within a round.
const PADDING = "x".repeat(2_000);
/** Events of this channel match a webhook whose receiver is not there. */
const HOOKED = "hooked";
const NOBODY = "http://127.0.0.1:9/";

/** What the clients of one folder were told. */
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
    const channel = i % 2 === 0 ? HOOKED : "all";
    const before = acknowledged.newest;
    try {
      const args = { event_type: "t", payload, channel, session_id: name };
      const { event_id } = await bus.call("publish_event", args);
      if (event_id <= before || acknowledged.events.has(event_id)) acknowledged.outOfOrder++;
      acknowledged.events.set(event_id, payload);
      acknowledged.newest = Math.max(acknowledged.newest, event_id);
    } catch {
      return;
    }
  }
}

/** Hooked events without a delivery, and deliveries of no hooked event. */
const ORPHANS = `SELECT
  (SELECT count(*) FROM events WHERE id > $from AND channel = '${HOOKED}'
    AND id NOT IN (SELECT event_id FROM deliveries WHERE event_id > $from)) +
  (SELECT count(*) FROM deliveries WHERE event_id > $from
    AND event_id NOT IN (SELECT id FROM events WHERE id > $from AND channel = '${HOOKED}')) AS n`;

interface Found {
  lost: number;
  damaged: number;
  orphans: number;
  highest: number;
  contradictions: string[];
}

/** What a reader that changes nothing finds of the events after `from`, before the next bus repairs anything. */
async function inspect(
  path: string,
  { acknowledged, changing }: { acknowledged: Acknowledged; changing: readonly ChangingClient[] },
  from: number,
): Promise<Found> {
  const db = new Database(path, { readonly: true, strict: true });
  const ask: Ask = async (sql, ...params) => String(db.query(`SELECT (${sql})`).values(...params)[0]?.[0]);
  try {
    const rows = db.query("SELECT id, payload FROM events WHERE id > ? ORDER BY id").values(from);
    const stored = new Map(rows as [number, string][]);
    const expected = [...acknowledged.events].filter(([id]) => id > from);
    return {
      lost: expected.filter(([id, payload]) => stored.get(id) !== payload).length,
      damaged: db.query("PRAGMA integrity_check").values()[0]?.[0] === "ok" ? 0 : 1,
      orphans: db.query<{ n: number }, { from: number }>(ORPHANS).get({ from })?.n ?? -1,
      highest: Number(rows.at(-1)?.[0] ?? from),
      contradictions: (await Promise.all(changing.map((client) => client.faults(ask)))).flat(),
    };
  } finally {
    db.close(true);
  }
}

const TOTALS = {
  ...{ kills: 0, acknowledged: 0, unacknowledged: 0, publishing: 0, checkpointed: 0, withLog: 0 },
  ...{ lost: 0, outOfOrder: 0, damaged: 0, orphans: 0, changes: 0, contradictions: 0 },
};

function add(total: typeof TOTALS, { lost, damaged, orphans, contradictions }: Found): void {
  total.contradictions += contradictions.length;
  for (const contradiction of contradictions) console.log(contradiction);
  total.lost += lost;
  total.damaged += damaged;
  total.orphans += orphans;
}

/** Waits until the clients were told of so many more events, however slow the machine is. */
async function acknowledgedMore({ events }: Acknowledged, more: number): Promise<void> {
  const enough = events.size + more;
  for (const end = performance.now() + 20_000; events.size < enough && performance.now() < end; )
    await Bun.sleep(5);
}

/** Kills one bus again and again; each round starts it on what the last one left. */
async function killAgainAndAgain(rounds: number): Promise<typeof TOTALS> {
  const folder = tempFolder();
  const total = { ...TOTALS, kills: rounds };
  const acknowledged: Acknowledged = { events: new Map(), newest: 0, outOfOrder: 0 };
  const changing = Array.from({ length: CHANGING }, (_, i) => new ChangingClient(`changing${i}`));
  const known = { acknowledged, changing };
  let previous = 0;
  for (let round = 0; round < rounds; round++) {
    const bus = await startBus("binary", { folder });
    if (round === 0) await hook(bus, NOBODY, { channel: HOOKED });
    const checkpoint = statSync(bus.db).mtimeMs;
    const began = performance.now();
    const clients = [
      ...Array.from({ length: CLIENTS }, (_, i) => client(bus, `c${round}-${i}`, acknowledged)),
      ...changing.map((one) => one.run(bus, changing)),
    ];
    await acknowledgedMore(acknowledged, EACH_ROUND);
    await Bun.sleep(Math.random() * 350);
    await bus.kill();
    total.publishing += performance.now() - began;
    await Promise.all(clients);
    if (existsSync(`${bus.db}-wal`) && statSync(`${bus.db}-wal`).size > 0) total.withLog++;
    if (statSync(bus.db).mtimeMs !== checkpoint) total.checkpointed++;
    const found = await inspect(bus.db, known, previous);
    add(total, found);
    previous = found.highest;
    acknowledged.newest = Math.max(acknowledged.newest, found.highest);
  }
  const last = await startBus("binary", { folder });
  const { event_id } = await last.call("publish_event", { event_type: "t", payload: "last" });
  expect(event_id).toBe(previous + 1);
  expect(await last.stop()).toBe(0);
  add(total, await inspect(last.db, known, 0));
  total.acknowledged = acknowledged.events.size;
  total.changes = changing.reduce((sum, one) => sum + one.acknowledged, 0);
  total.unacknowledged = previous - acknowledged.events.size;
  total.outOfOrder = acknowledged.outOfOrder;
  return total;
}

/**
 * Kills buses under publishing clients, and clients that change sessions, claims, cursors, mail and webhooks, and expects
 * that nothing acknowledged is lost.
 */
export async function killRounds(kills: number): Promise<void> {
  const folders = await Promise.all(
    Array.from({ length: FOLDERS }, () => killAgainAndAgain(kills / FOLDERS)),
  );
  const sum = (key: keyof typeof TOTALS) => folders.reduce((total, folder) => total + folder[key], 0);
  const rate = Math.round((sum("acknowledged") / sum("publishing")) * 1_000);
  console.log(
    `K1: ${sum("kills")} kills at ${rate} publishes/s, ${sum("acknowledged")} acknowledged, ${sum("lost")} lost, ` +
      `${sum("unacknowledged")} stored of others or not acknowledged, ${sum("outOfOrder")} out of order, ` +
      `${sum("damaged")} damaged, ${sum("orphans")} orphans; ${sum("changes")} changes, ` +
      `${sum("contradictions")} lost; a checkpoint ran in ${sum("checkpointed")} rounds`,
  );
  const faults = ["lost", "outOfOrder", "damaged", "orphans", "contradictions"] as const;
  expect(faults.map((fault) => [fault, sum(fault)])).toEqual(faults.map((fault) => [fault, 0]));
  expect(sum("acknowledged")).toBeGreaterThanOrEqual(kills * EACH_ROUND);
  expect(sum("changes")).toBeGreaterThan(kills * 4);
  expect(sum("withLog")).toBeGreaterThan(kills / 2);
  if (kills >= 100) expect(sum("checkpointed")).toBeGreaterThan(0);
}
