import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { publish } from "../support/agent.ts";
import { startBus, startHere } from "../support/bus.ts";
import { tempFolder } from "../support/folder.ts";
import { receiver } from "../support/receiver.ts";
import { deliveriesOf, eventually, hook, hookOf } from "../support/webhook.ts";

test("one event, all that was given up, and everything from an id on can be sent again", async () => {
  const target = receiver();
  const folder = tempFolder();
  const first = await startBus("binary", { folder });
  const id = await hook(first, target.url(), { event_types: ["note"] });
  for (let i = 0; i < 6; i++) await publish(first);
  const other = await publish(first, "x", { event_type: "other" });
  await target.until("/", 6);
  await first.stop();
  const db = new Database(first.db);
  db.run("UPDATE deliveries SET state = 'dead', attempts = 13 WHERE event_id IN (1, 2)");
  db.run("UPDATE deliveries SET state = 'expired' WHERE event_id = 3");
  db.close();
  const bus = await startBus("binary", { folder });
  const again = async (more: Record<string, unknown>, ids: number[]) => {
    const before = target.at("/").length;
    expect(await bus.call("redeliver_webhook", { webhook_id: id, ...more })).toEqual({
      success: true,
      webhook_id: id,
      queued: ids.length,
    });
    const got = (await target.until("/", before + ids.length)).slice(before);
    expect(got.map(({ json }) => json.event_id).sort()).toEqual(ids);
    for (const { headers } of got)
      expect([headers.get("x-event-bus-redelivery"), headers.get("x-event-bus-attempt")]).toEqual(["1", "1"]);
  };
  expect(await hookOf(bus, id)).toMatchObject({ dead: 2, expired: 1, pending: 0 });
  await again({ dead: true }, [1, 2, 3]);
  await again({ event_id: 5 }, [5]);
  await again({ event_id: other }, [other]);
  await again({ since: 4 }, [4, 5, 6]);
  await again({ dead: true }, []);
  const ids = target.at("/").filter(({ json }) => json.event_id === 5);
  expect(ids).toHaveLength(3);
  expect(new Set(ids.map(({ headers }) => headers.get("webhook-id"))).size).toBe(1);
  expect(ids[0]?.headers.get("x-event-bus-redelivery")).toBeNull();
  target.stop();
});

test("an unknown event, and no or two choices, are refused", async () => {
  const bus = await startHere();
  const id = await hook(bus, "http://127.0.0.1:9/");
  const ask = (more: Record<string, unknown>) => bus.call("redeliver_webhook", { webhook_id: id, ...more });
  expect(await ask({ event_id: 77 })).toMatchObject({ success: false, error: "Event 77 not found" });
  for (const more of [{}, { dead: true, since: 1 }, { event_id: 1, since: 1 }])
    expect(await ask(more)).toMatchObject({
      success: false,
      error: "Give exactly one of event_id, dead and since.",
    });
});

test("a redelivery asked for while the event is under way is a delivery of its own", async () => {
  const answers = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let asked = 0;
  const target = receiver(async () => {
    await answers[asked++]?.promise;
    return new Response(null, { status: 204 });
  });
  const bus = await startHere();
  const id = await hook(bus, target.url());
  const event_id = await publish(bus);
  await target.until("/", 1);
  expect(await deliveriesOf(bus, id, { state: "in_flight" })).toMatchObject([
    { event_id, state: "in_flight" },
  ]);
  await bus.call("redeliver_webhook", { webhook_id: id, event_id });
  answers[0]?.resolve();
  await target.until("/", 2);
  expect(await deliveriesOf(bus, id)).toMatchObject([{ state: "in_flight", attempts: 0, redelivery: true }]);
  answers[1]?.resolve();
  await eventually("delivered", async () => (await deliveriesOf(bus, id))[0].state === "delivered");
  expect(await deliveriesOf(bus, id)).toMatchObject([{ attempts: 1, redelivery: true }]);
  target.stop();
});

test("list_deliveries tells every state, those under way out of a long backlog too", async () => {
  const answer = Promise.withResolvers<void>();
  const target = receiver(async () => {
    await answer.promise;
    return new Response(null, { status: 500 });
  });
  const bus = await startHere();
  const id = await hook(bus, target.url());
  await Promise.all(Array.from({ length: 200 }, () => publish(bus)));
  await target.until("/", 4);
  const flying = await deliveriesOf(bus, id, { state: "in_flight", limit: 10 });
  expect(flying.map((row) => row.event_id)).toEqual([4, 3, 2, 1]);
  expect(flying.every((row) => row.next_at === null)).toBe(true);
  const pending = await deliveriesOf(bus, id, { state: "pending", limit: 198 });
  expect(pending.map((row) => row.event_id)).toEqual(Array.from({ length: 196 }, (_, i) => 200 - i));
  expect((await deliveriesOf(bus, id)).filter((row) => row.state === "in_flight")).toHaveLength(4);
  expect((await bus.call("list_deliveries", { state: "delivered" })).result).toEqual([]);
  answer.resolve();
  await eventually("a failure", async () => (await deliveriesOf(bus, id)).some((row) => row.attempts > 0));
  const failed = (await deliveriesOf(bus, id)).find((row) => row.attempts > 0);
  expect(failed).toMatchObject({ state: "pending", last_status: 500, last_error: "HTTP 500" });
  expect(Date.parse(failed.next_at)).toBeGreaterThan(Date.parse(failed.last_at));
  target.stop();
});

test("a test event is sent to a paused webhook too, tells how it went, and is not stored", async () => {
  const target = receiver((path) => new Response("body for nobody", { status: path === "/bad" ? 500 : 202 }));
  const bus = await startHere();
  const id = await hook(bus, target.url("/good"), { secret: "s", event_types: ["never"] });
  await bus.call("set_webhook_active", { webhook_id: id, active: false });
  const good = await bus.call("test_webhook", { webhook_id: id });
  expect(good).toEqual({
    success: true,
    webhook_id: id,
    delivered: true,
    status: 202,
    milliseconds: expect.any(Number),
  });
  const [delivery] = target.at("/good");
  expect(delivery?.json).toMatchObject({ event_id: 0, event_type: "webhook_test" });
  expect(delivery?.headers.get("webhook-signature")).toStartWith("v1,");
  const bad = await bus.call("test_webhook", { webhook_id: await hook(bus, target.url("/bad")) });
  expect(bad).toMatchObject({ success: false, status: 500, error: "Not delivered: HTTP 500" });
  expect(JSON.stringify(bad)).not.toContain("body for nobody");
  expect((await bus.call("get_events", {})).events).toEqual([]);
  expect((await bus.call("list_deliveries", {})).result).toEqual([]);
  target.stop();
});

test("a delivery whose event somebody deleted is given up, and the others go on", async () => {
  const target = receiver();
  const folder = tempFolder();
  const first = await startBus("binary", { folder });
  const id = await hook(first, target.url());
  await publish(first);
  await target.until("/", 1);
  await first.stop();
  const db = new Database(first.db);
  db.run("INSERT INTO deliveries (webhook_id, event_id, created_at) VALUES (1, 999, unixepoch() * 1000)");
  db.close();
  const bus = await startBus("binary", { folder });
  await publish(bus);
  await target.until("/", 2);
  await eventually("given up", async () => (await hookOf(bus, id)).expired === 1);
  expect((await deliveriesOf(bus, id, { state: "expired" }))[0].last_error).toBe(
    "the event is not in the database",
  );
  target.stop();
});
