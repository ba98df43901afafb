import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { publish } from "../support/agent.ts";
import { startHere } from "../support/bus.ts";
import { tempFolder } from "../support/folder.ts";
import { receiver } from "../support/receiver.ts";
import { deliveriesOf, eventually, HOUR, hook, hookOf, TestClock } from "../support/webhook.ts";

const lookup = async () => ["127.0.0.1"];

function world(answer: () => number) {
  const clock = new TestClock();
  const target = receiver(() => new Response(null, { status: answer() }));
  const at = (host: string) => `http://${host}:${new URL(target.url()).port}/`;
  const start = (folder = tempFolder(), with_ = clock) =>
    startHere({ now: with_.wall, clock: with_, lookup, folder });
  return { clock, target, at, start };
}

test("a receiver that is down for three days gets 13 attempts; then the webhook is disabled and says so", async () => {
  const { clock, target, at, start } = world(() => 500);
  const bus = await start();
  const id = await hook(bus, at("remote.test"));
  const here = await hook(bus, at("127.0.0.1"), { event_types: ["note"] });
  await publish(bus);
  const began = clock.steady();
  const times: number[] = [];
  for (let attempts = 1; attempts <= 13; attempts++) {
    await eventually(`attempt ${attempts}`, async () => {
      const rows = [...(await deliveriesOf(bus, id)), ...(await deliveriesOf(bus, here))];
      return rows.filter((row) => row.event_id === 1).every((row) => row.attempts === attempts);
    });
    times.push((clock.steady() - began) / HOUR);
    const rows = await bus.server.store.deliveries.list({ inFlight: new Set(), limit: 10 });
    clock.pass(Math.max(...rows.map((row) => row.next_at), clock.steady()) - clock.steady());
    // The breaker's probes wait up to five minutes.
    if (attempts >= 5) clock.pass(5 * 60_000);
  }
  expect(times.at(-1)).toBeWithin(71.6 * 0.8, 71.6 * 1.2 + 1);
  expect(await deliveriesOf(bus, id, { state: "dead" })).toMatchObject([{ attempts: 13, last_status: 500 }]);
  expect(
    target
      .at("/")
      .map(({ headers }) => headers.get("x-event-bus-attempt"))
      .sort(),
  ).toEqual(
    Array.from({ length: 13 }, (_, i) => [`${i + 1}`, `${i + 1}`])
      .flat()
      .sort(),
  );
  clock.pass(30 * HOUR);
  await publish(bus);
  await eventually("the webhook is disabled", async () => !(await hookOf(bus, id)).active);
  expect((await hookOf(bus, id)).paused_reason).toBe("no success for 72 hours (last error: HTTP 500)");
  const { events } = await bus.call("get_events", { event_types: ["webhook_disabled"] });
  expect(events).toHaveLength(1);
  expect((await hookOf(bus, here)).active).toBe(true);
  target.stop();
}, 60_000);

test("a webhook that was disabled for three bad days has three new ones when it is enabled", async () => {
  const { clock, target, at, start } = world(() => 500);
  const folder = tempFolder();
  const first = await start(folder);
  const id = await hook(first, at("remote.test"));
  await publish(first);
  await eventually("a failure", async () => (await hookOf(first, id)).last_failure !== null);
  await first.stop();
  const db = new Database(first.db);
  db.run("UPDATE deliveries SET state = 'dead'");
  db.close();
  clock.pass(73 * HOUR);
  const bus = await start(folder);
  await publish(bus);
  await eventually("it is disabled", async () => !(await hookOf(bus, id)).active);
  await bus.call("set_webhook_active", { webhook_id: id, active: true });
  const before = target.at("/").length;
  await publish(bus);
  await eventually("another attempt", () => target.at("/").length > before);
  await Bun.sleep(50);
  expect(await hookOf(bus, id)).toMatchObject({ active: true });
  target.stop();
});

test("what is older than the schedule expires in the open; what a person paused does not", async () => {
  const { clock, target, at, start } = world(() => 500);
  const bus = await start();
  const [id, paused] = [await hook(bus, at("a.test")), await hook(bus, at("b.test"))];
  await publish(bus);
  await eventually("attempts", () => target.at("/").length === 2);
  await bus.call("set_webhook_active", { webhook_id: paused, active: false });
  clock.pass(95 * HOUR);
  await publish(bus);
  await Bun.sleep(50);
  expect((await deliveriesOf(bus, id)).some((row) => row.state === "expired")).toBe(false);
  clock.pass(2 * HOUR);
  await publish(bus);
  await eventually("it expires", async () => (await hookOf(bus, id)).expired === 1);
  const [row] = await deliveriesOf(bus, id, { state: "expired" });
  expect(row).toMatchObject({ event_id: 1, last_error: "not delivered in time" });
  expect(await hookOf(bus, paused)).toMatchObject({ expired: 0, pending: 1 });
  target.stop();
});

test("finished deliveries are shown for seven days", async () => {
  const { clock, target, at, start } = world(() => 204);
  const bus = await start();
  const id = await hook(bus, at("a.test"), { event_types: ["note"] });
  await publish(bus);
  await eventually("delivered", async () => (await deliveriesOf(bus, id))[0].state === "delivered");
  for (const [hours, rows] of [
    [167, 1],
    [2, 0],
  ] as const) {
    clock.pass(hours * HOUR);
    await publish(bus, "tick", { event_type: "tick" });
    await Bun.sleep(50);
    expect(await deliveriesOf(bus, id)).toHaveLength(rows);
  }
  target.stop();
});
