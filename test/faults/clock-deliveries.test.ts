import { afterAll, beforeAll, expect, test } from "bun:test";
import { publish } from "../support/agent.ts";
import { startHere } from "../support/bus.ts";
import { tempFolder } from "../support/folder.ts";
import { receiver } from "../support/receiver.ts";
import {
  change,
  deliveriesOf,
  eventually,
  HOUR,
  hook,
  hookOf,
  jumpsInWords,
  TestClock,
} from "../support/webhook.ts";

beforeAll(() => void TestClock.jumps.splice(0));
afterAll(() => console.log(`clock, deliveries: ${jumpsInWords()}; none repeated, none late`));

function world(answer: () => number) {
  const clock = new TestClock();
  const target = receiver(() => new Response(null, { status: answer() }));
  const url = `http://remote.test:${new URL(target.url()).port}/`;
  const start = (folder = tempFolder(), with_ = clock) =>
    startHere({ now: with_.wall, clock: with_, lookup: async () => ["127.0.0.1"], folder });
  return { clock, target, url, start };
}

test("a wall clock set forward or back neither repeats nor delays what waits, and new events go at once", async () => {
  let status = 500;
  const { clock, target, url, start } = world(() => status);
  const bus = await start();
  const id = await hook(bus, url);
  await publish(bus);
  await eventually("one attempt", async () => (await deliveriesOf(bus, id))[0].attempts === 1);
  for (const jump of [24, -48, 24 * 200, -24 * 400]) {
    const before = target.at("/").length;
    clock.jump(jump * HOUR);
    await Bun.sleep(60);
    expect(target.at("/").length).toBe(before);
    const timestamp = Math.floor(clock.wall() / 1_000);
    status = 204;
    const event_id = await publish(bus);
    await eventually("the new one", async () => (await deliveriesOf(bus, id))[0].state === "delivered");
    const last = target.at("/").at(-1);
    expect([last?.json.event_id, last?.headers.get("webhook-timestamp")]).toEqual([event_id, `${timestamp}`]);
    expect((await deliveriesOf(bus, id))[0].last_at).toBe(new Date(clock.wall()).toISOString());
    status = 500;
  }
  // No row was taken for too old or forgotten.
  clock.pass(61_000);
  status = 204;
  await eventually("the first one", async () => (await hookOf(bus, id)).pending === 0);
  expect((await deliveriesOf(bus, id)).map((row) => row.state)).toEqual(Array(5).fill("delivered"));
  target.stop();
});

test("a bus that starts with a clock set back waits no longer than the schedule allows", async () => {
  const { clock, target, url, start } = world(() => 500);
  const folder = tempFolder();
  const first = await start(folder);
  const id = await hook(first, url);
  for (let i = 0; i < 3; i++) await publish(first);
  await eventually("attempts", async () =>
    (await deliveriesOf(first, id)).every((row) => row.attempts === 1),
  );
  await first.stop();
  change(first.db, "UPDATE deliveries SET last_status = 429 WHERE event_id = 2");
  const earlier = new TestClock(clock.wall() - 30 * 24 * HOUR);
  const bus = await start(folder, earlier);
  const waits = (await deliveriesOf(bus, id)).map((row) => Date.parse(row.next_at) - earlier.wall());
  for (const [i, most] of [600, 24 * HOUR, 600].entries()) expect(waits[i]).toBeLessThanOrEqual(most);
  target.stop();
});
