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
/** No webhook wants it. */
const UNWANTED = "e";
const PER_WEBHOOK = 4;

/** The numbers that a query finds, ascending, in a database whose bus does not run. */
function numbers(path: string, sql: string): number[] {
  const db = new Database(path);
  try {
    return db
      .query(sql)
      .values()
      .flat()
      .map(Number)
      .sort((a, b) => a - b);
  } finally {
    db.close();
  }
}

const MATCHING = `SELECT id FROM events WHERE channel <> '${UNWANTED}'`;

/** Publishes until the bus dies or there are `many`; returns the ids that were acknowledged. */
async function publishUntilKilled(bus: ProcessBus, many: number): Promise<number[]> {
  const acked: number[] = [];
  let next = 0;
  const worker = async () => {
    while (next < many) {
      const channel = [...CHANNELS, UNWANTED][next++ % (CHANNELS.length + 1)];
      acked.push(await publish(bus, "x", { channel }));
    }
  };
  await Promise.allSettled(Array.from({ length: 8 }, worker));
  return acked;
}

test("every matching event, and no other, reaches a slow and failing receiver though the bus is killed fifty times", async () => {
  const accepted = new Map<number, number>();
  const target = receiver(async (_, { json }) => {
    await Bun.sleep(Math.random() * 50);
    if (Math.random() < 0.2) return new Response(null, { status: 500 });
    accepted.set(json.event_id, (accepted.get(json.event_id) ?? 0) + 1);
    return new Response(null, { status: 204 });
  });
  const env = { AGENT_EVENT_BUS_WEBHOOK_SPEED: "1000" };
  const folder = tempFolder();
  let bus = await startBus("binary", { folder, env });
  for (const channel of CHANNELS) await hook(bus, target.url(`/${channel}`), { channel });
  const acked = new Set<number>();
  for (let kill = 0; kill < KILLS; kill++) {
    const epoch = publishUntilKilled(bus, Math.ceil((EVENTS - acked.size) / (KILLS - kill)));
    await Promise.race([epoch, Bun.sleep(50 + Math.random() * 350)]);
    await Bun.sleep(Math.random() * 30);
    await bus.kill();
    for (const id of await epoch) acked.add(id);
    expect(numbers(bus.db, `${MATCHING} AND id NOT IN (SELECT event_id FROM deliveries)`)).toEqual([]);
    bus = await startBus("binary", { folder, env });
  }
  for (const id of await publishUntilKilled(bus, EVENTS - acked.size)) acked.add(id);
  await eventually(
    "every delivery is done",
    async () => {
      const { result } = await bus.call("list_webhooks");
      return result.every(({ pending }: { pending: number }) => pending === 0);
    },
    120_000,
  );
  await bus.stop();
  expect(acked.size).toBeGreaterThanOrEqual(EVENTS);
  const published = new Set(numbers(bus.db, "SELECT id FROM events"));
  expect([...acked].filter((id) => !published.has(id))).toEqual([]);
  const matching = numbers(bus.db, MATCHING);
  expect([...accepted.keys()].sort((a, b) => a - b)).toEqual(matching);
  const duplicates = [...accepted.values()].reduce((sum, times) => sum + times - 1, 0);
  console.log(
    `K2: ${KILLS} kills, ${published.size} events, ${matching.length} of them matching, all received, ${duplicates} duplicates`,
  );
  expect(duplicates).toBeLessThanOrEqual(KILLS * PER_WEBHOOK * CHANNELS.length);
  expect(numbers(bus.db, "SELECT id FROM deliveries WHERE state <> 'delivered'")).toEqual([]);
  target.stop();
}, 300_000);
