import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { publish } from "../support/agent.ts";
import { type ProcessBus, startBus } from "../support/bus.ts";
import { tempFolder } from "../support/folder.ts";
import { receiver } from "../support/receiver.ts";
import { eventually, hook } from "../support/webhook.ts";

const KILLS = 50;
const EVENTS = 5_000;
const CHANNELS = ["a", "b", "c", "d"];
const PER_WEBHOOK = 4;

/** One number of a database whose bus was killed. */
function count(path: string, sql: string): number {
  const db = new Database(path);
  try {
    return db.query<{ n: number }, []>(sql).get()?.n ?? -1;
  } finally {
    db.close();
  }
}

/** Publishes until the bus dies or there are `many`; returns the ids that were acknowledged. */
async function publishUntilKilled(bus: ProcessBus, many: number): Promise<number[]> {
  const acked: number[] = [];
  let next = 0;
  const worker = async () => {
    while (next < many) {
      const channel = CHANNELS[next++ % CHANNELS.length] ?? "";
      acked.push(await publish(bus, "x", { channel }));
    }
  };
  await Promise.allSettled(Array.from({ length: 8 }, worker));
  return acked;
}

test("every event reaches a slow and failing receiver though the bus is killed fifty times", async () => {
  const accepted = new Map<number, number>();
  const target = receiver(async (_, { json }) => {
    await Bun.sleep(Math.random() * 50);
    if (Math.random() < 0.2) return new Response(null, { status: 500 });
    accepted.set(json.event_id, (accepted.get(json.event_id) ?? 0) + 1);
    return new Response(null, { status: 204 });
  });
  const env = { AGENT_EVENT_BUS_WEBHOOK_SPEED: "1000" };
  const folder = tempFolder();
  let bus = await startBus("source", { folder, env });
  for (const channel of CHANNELS) await hook(bus, target.url(`/${channel}`), { channel });
  const acked = new Set<number>();
  for (let kill = 0; kill < KILLS; kill++) {
    const epoch = publishUntilKilled(bus, Math.ceil((EVENTS - acked.size) / (KILLS - kill)));
    await Promise.race([epoch, Bun.sleep(50 + Math.random() * 350)]);
    await Bun.sleep(Math.random() * 30);
    await bus.kill();
    for (const id of await epoch) acked.add(id);
    const orphans = `SELECT count(*) AS n FROM events
      WHERE id NOT IN (SELECT event_id FROM deliveries)`;
    expect(count(bus.db, orphans)).toBe(0);
    bus = await startBus("source", { folder, env });
  }
  for (const id of await publishUntilKilled(bus, EVENTS - acked.size)) acked.add(id);
  const published = (await bus.call("get_events", { limit: 1 })).events[0].id;
  await eventually("every event arrived", () => accepted.size === published, 60_000);
  expect(acked.size).toBeGreaterThanOrEqual(EVENTS);
  expect([...acked].filter((id) => !accepted.has(id))).toEqual([]);
  const duplicates = [...accepted.values()].reduce((sum, times) => sum + times - 1, 0);
  console.log(`${published} events, ${KILLS} kills: all arrived, ${duplicates} twice`);
  expect(duplicates).toBeLessThanOrEqual(KILLS * PER_WEBHOOK * CHANNELS.length);
  await bus.stop();
  expect(count(bus.db, "SELECT count(*) AS n FROM deliveries WHERE state <> 'delivered'")).toBe(0);
  target.stop();
}, 300_000);

test("a publisher's answer waits for no delivery, and a stopping bus leaves what is pending for the next", async () => {
  let answer = Promise.withResolvers<void>();
  const target = receiver(async () => {
    await answer.promise;
    return new Response(null, { status: 204 });
  });
  const folder = tempFolder();
  const first = await startBus("source", { folder });
  await hook(first, target.url());
  const began = performance.now();
  for (let i = 0; i < 20; i++) await publish(first);
  expect(performance.now() - began).toBeLessThan(5_000);
  expect(target.at("/").length).toBeLessThanOrEqual(4);
  expect(await first.stop()).toBe(0);
  answer.resolve();
  answer = Promise.withResolvers();
  answer.resolve();
  const second = await startBus("source", { folder });
  await eventually("all of them", async () => {
    const { result } = await second.call("list_deliveries", { state: "delivered" });
    return result.length === 20;
  });
  const ids = target.at("/").map(({ json }) => json.event_id);
  expect(new Set(ids).size).toBe(20);
  // What was under way went again as its first attempt, with the same webhook-id.
  const again = target.at("/").filter(({ json }) => json.event_id === 1);
  expect(new Set(again.map(({ headers }) => headers.get("webhook-id"))).size).toBe(1);
  target.stop();
}, 30_000);
