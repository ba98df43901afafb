import { expect, test } from "bun:test";
import { publish } from "../support/agent.ts";
import { startBus, startHere } from "../support/bus.ts";
import { type Receiver, receiver } from "../support/receiver.ts";
import { deliveriesOf, eventually, hook, hookOf } from "../support/webhook.ts";

const idsAt = (target: Receiver, path = "/"): number[] => target.at(path).map(({ json }) => json.event_id);
const sorted = (ids: readonly number[]): number[] => ids.toSorted((a, b) => a - b);

test("a hundred events published during a pause arrive in order after enable --since", async () => {
  const target = receiver();
  const bus = await startBus("binary");
  const id = await hook(bus, target.url());
  await bus.call("set_webhook_active", { webhook_id: id, active: false });
  const ids: number[] = [];
  for (let i = 0; i < 100; i++) ids.push(await publish(bus, `${i}`));
  const answer = await bus.call("set_webhook_active", { webhook_id: id, active: true, since: ids[0] });
  expect(answer).toEqual({ success: true, webhook_id: id, active: true, queued: 100 });
  await target.until("/", 100);
  // Up to four are under way at once, so that a receiver may see neighbours change places.
  const got = idsAt(target);
  expect(sorted(got)).toEqual(ids);
  for (const [i, id] of got.entries()) expect(Math.abs(id - (ids[i] ?? 0))).toBeLessThan(8);
  await Bun.sleep(100);
  expect(target.at("/")).toHaveLength(100);
  target.stop();
});

test("an ordered webhook gets them strictly in order, those published during the enabling behind them", async () => {
  const target = receiver();
  const bus = await startHere();
  const id = await hook(bus, target.url(), { ordered: true });
  await bus.call("set_webhook_active", { webhook_id: id, active: false });
  await Promise.all(Array.from({ length: 1_500 }, () => publish(bus)));
  const enabling = bus.call("set_webhook_active", { webhook_id: id, active: true, since: 1 });
  const meanwhile: Promise<number>[] = [];
  for (let i = 0; i < 50; i++) {
    meanwhile.push(publish(bus));
    await Bun.sleep(1);
  }
  await enabling;
  await Promise.all(meanwhile);
  await target.until("/", 1_550, 30_000);
  expect(idsAt(target)).toEqual(Array.from({ length: 1_550 }, (_, i) => i + 1));
  target.stop();
});

test("what is pending is frozen by a pause and goes on after it; what is published meanwhile is not queued", async () => {
  let status = 500;
  const target = receiver(() => new Response(null, { status }));
  const bus = await startBus("binary", { env: { AGENT_EVENT_BUS_WEBHOOK_SPEED: "20" } });
  const id = await hook(bus, target.url());
  const before = [await publish(bus), await publish(bus)];
  await target.until("/", 4);
  await bus.call("set_webhook_active", { webhook_id: id, active: false });
  await Bun.sleep(100);
  const frozen = target.at("/").length;
  const meanwhile = await publish(bus);
  await Bun.sleep(400);
  expect(target.at("/")).toHaveLength(frozen);
  expect(await hookOf(bus, id)).toMatchObject({ active: false, pending: 2 });
  status = 204;
  await bus.call("set_webhook_active", { webhook_id: id, active: true });
  await eventually("both", async () => (await hookOf(bus, id)).pending === 0);
  expect(idsAt(target)).not.toContain(meanwhile);
  const rows = await deliveriesOf(bus, id);
  expect(rows.map((row) => [row.event_id, row.state])).toEqual(
    before.toReversed().map((n) => [n, "delivered"]),
  );
  target.stop();
});

test("enabling a webhook whose receiver is back does not wait for the breaker", async () => {
  let status = 500;
  const target = receiver(() => new Response(null, { status }));
  const bus = await startHere();
  const id = await hook(bus, target.url());
  await Promise.all(Array.from({ length: 8 }, () => publish(bus)));
  await target.until("/", 5);
  await Bun.sleep(1_000);
  const open = target.at("/").length;
  await publish(bus);
  await Bun.sleep(300);
  expect(target.at("/")).toHaveLength(open);
  status = 204;
  await bus.call("set_webhook_active", { webhook_id: id, active: true });
  await target.until("/", open + 1, 1_000);
  target.stop();
});

test("after a recovery the backlog is drained at no more than fifty a second", async () => {
  let status = 500;
  const target = receiver(() => new Response(null, { status }));
  const bus = await startHere();
  const id = await hook(bus, target.url());
  await Promise.all(Array.from({ length: 100 }, () => publish(bus)));
  await target.until("/", 5);
  await Bun.sleep(50);
  status = 204;
  await bus.call("set_webhook_active", { webhook_id: id, active: true });
  await eventually("drained", async () => (await hookOf(bus, id)).pending === 0, 10_000);
  const times = target
    .at("/")
    .slice(-90)
    .map(({ received }) => received);
  const seconds = ((times.at(-1) ?? 0) - (times[0] ?? 0)) / 1_000;
  console.log(`90 deliveries after a recovery in ${seconds.toFixed(2)} s`);
  expect(89 / seconds).toBeLessThanOrEqual(51);
  target.stop();
}, 20_000);

test("an ordered webhook waits for a failing event and never goes past it; another webhook does", async () => {
  let failing = 3;
  const target = receiver(
    (_, { json }) => new Response(null, { status: json.event_id === failing ? 500 : 204 }),
  );
  const bus = await startBus("binary", { env: { AGENT_EVENT_BUS_WEBHOOK_SPEED: "20" } });
  const strict = await hook(bus, target.url("/strict"), { ordered: true });
  const loose = await hook(bus, target.url("/loose"));
  for (let i = 0; i < 10; i++) await publish(bus);
  await target.until("/loose", 12);
  await target.until("/strict", 5);
  expect(new Set(idsAt(target, "/strict"))).toEqual(new Set([1, 2, 3]));
  expect(new Set(idsAt(target, "/loose")).size).toBe(10);
  expect(await hookOf(bus, strict)).toMatchObject({ ordered: true, pending: 8 });
  expect(await hookOf(bus, loose)).toMatchObject({ ordered: false, pending: 1 });
  failing = 0;
  await eventually("the rest", async () => (await hookOf(bus, strict)).pending === 0, 10_000);
  const order = idsAt(target, "/strict");
  expect(order).toEqual(sorted(order));
  target.stop();
});

test("a webhook that is removed gets nothing more; what was pending for it is given up in the open", async () => {
  const answer = Promise.withResolvers<void>();
  const target = receiver(async () => {
    await answer.promise;
    return new Response(null, { status: 500 });
  });
  const bus = await startBus("binary", { env: { AGENT_EVENT_BUS_WEBHOOK_SPEED: "1000" } });
  const id = await hook(bus, target.url());
  await Promise.all(Array.from({ length: 20 }, () => publish(bus)));
  await target.until("/", 4);
  await bus.call("unregister_webhook", { webhook_id: id });
  answer.resolve();
  await eventually("given up", async () => {
    const rows = await deliveriesOf(bus, id);
    return rows.length === 20 && rows.every((row) => row.state === "expired");
  });
  expect((await deliveriesOf(bus, id))[0].last_error).toBe("the webhook was removed");
  expect(target.at("/").length).toBeLessThanOrEqual(4);
  expect((await bus.call("list_deliveries")).result).toEqual([]);
  target.stop();
});
