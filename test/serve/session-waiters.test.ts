import { expect, test } from "bun:test";
import { BusError } from "../../src/domain/context.ts";
import { createWaiters } from "../../src/serve/subscriptions.ts";
import { join, problem } from "../support/agent.ts";
import { startBus, startHere } from "../support/bus.ts";
import { startClient } from "../support/client.ts";
import { end } from "../support/process.ts";
import { eventually } from "../support/webhook.ts";

const never = new AbortController().signal;

test("has tells whether a call waits for a session, until the last one ends", () => {
  const waiters = createWaiters(10);
  expect(waiters.has("a")).toBe(false);
  const [one, two, other] = [
    waiters.open(() => true, "a"),
    waiters.open(() => true, "a", true),
    waiters.open(() => true),
  ];
  expect([waiters.has("a"), waiters.has("b")]).toEqual([true, false]);
  one.close();
  one.close();
  expect(waiters.has("a")).toBe(true);
  two.close();
  other.close();
  expect(waiters.has("a")).toBe(false);
});

test("a session's new sole waiter ends the one before it, and no other call", async () => {
  const waiters = createWaiters(10);
  const [plain, far] = [waiters.open(() => true, "a"), waiters.open(() => true, "b", true)];
  const first = waiters.open(() => true, "a", true);
  const waiting = first.next(60_000, never);
  const second = waiters.open(() => true, "a", true);
  expect(await waiting).toBe(false);
  expect([first.over, second.over, plain.over, far.over]).toEqual([true, false, false, false]);
  first.close();
  expect(waiters.has("a")).toBe(true);
});

test("dismissed is the sole waiter of that session only, also one that does not wait at the moment", async () => {
  const waiters = createWaiters(10);
  const [plain, sole, far] = [
    waiters.open(() => true, "a"),
    waiters.open(() => true, "a", true),
    waiters.open(() => true, "b", true),
  ];
  waiters.dismiss("a");
  waiters.dismiss("nobody");
  expect([plain.over, sole.over, far.over]).toEqual([false, true, false]);
  expect(await sole.next(60_000, never)).toBe(false);
});

test("places are given back, and a refused waiter dismisses nobody", () => {
  const waiters = createWaiters(2);
  const sole = waiters.open(() => true, "a", true);
  const other = waiters.open(() => true);
  expect(() => waiters.open(() => true, "a", true)).toThrow(BusError);
  expect(sole.over).toBe(false);
  other.close();
  for (let i = 0; i < 10; i++) waiters.open(() => true, "b", true).close();
  expect(waiters.has("b")).toBe(false);
});

test("on a bus the newest waiter of a session stays, the earlier one is told to leave", async () => {
  const bus = await startHere();
  const client = await startClient(bus);
  const first = client.hook("wake", { wait_seconds: 60 });
  await eventually(
    "it waits",
    async () => (await bus.call("list_sessions")).result[0].reach === "wakes within 1 s",
  );
  const second = client.hook("wake", { wait_seconds: 60 });
  expect(await first).toMatchObject({ events: [], left: true });
  await bus.call("publish_event", {
    event_type: "n",
    payload: "up",
    channel: `session:${client.session_id}`,
  });
  expect((await second).events.map(({ payload }) => payload)).toEqual(["up"]);
});

test.each(["prompt", "tool", "stop"] as const)(
  "a %s of the session ends its waiter, and no get_events of it",
  async (path) => {
    const bus = await startHere();
    const client = await startClient(bus);
    const waiting = client.hook("wake", { wait_seconds: 60 });
    const reading = bus.call("get_events", {
      session_id: client.session_id,
      resume: true,
      order: "asc",
      wait_seconds: 60,
      event_types: ["t"],
    });
    await eventually("it waits", async () => (await bus.call("list_sessions")).result[0].state === "idle");
    await client.hook(path);
    expect(await waiting).toMatchObject({ events: [], left: true });
    const other = await join(bus);
    await bus.call("publish_event", { event_type: "t", payload: "x", session_id: other.session_id });
    expect((await reading).events).toHaveLength(1);
  },
);

test("a waiter whose client went away gives its place back", async () => {
  const bus = await startHere({ env: { AGENT_EVENT_BUS_LIMIT_WAITERS: "1" } });
  const client = await startClient(bus);
  for (let i = 0; i < 5; i++) {
    const gone = new AbortController();
    const body = JSON.stringify({
      jsonrpc: "2.0",
      id: 1,
      method: "tools/call",
      params: {
        name: "collect_events",
        arguments: { client_id: client.client_id, path: "wake", wait_seconds: 60 },
      },
    });
    const call = fetch(bus.url, {
      method: "POST",
      headers: { "content-type": "application/json", accept: "application/json" },
      body,
      signal: gone.signal,
    });
    const reach = async () => (await bus.call("list_sessions")).result[0].reach;
    await eventually("it waits", async () => (await reach()) === "wakes within 1 s");
    expect(await problem(bus, "get_events", { wait_seconds: 1 })).toContain("1 calls are waiting already");
    gone.abort();
    await expect(call).rejects.toThrow();
    await eventually("nobody waits", async () => (await reach()) === "at its next prompt");
  }
});

test("a bus that stops ends waiters, asked questions and awaited messages at once", async () => {
  const bus = await startBus("binary");
  const client = await startClient(bus);
  const { event_id } = await bus.call("publish_event", { event_type: "n", payload: "", channel: "@nobody" });
  const calls = [
    client.hook("wake", { wait_seconds: 60 }),
    bus.call("ask", { to: client.name, payload: "?", wait_seconds: 60 }),
    bus.call("get_delivery", { event_id, wait_seconds: 60 }),
    bus.call("get_events", { wait_seconds: 60, channel: "none" }),
  ];
  await Bun.sleep(500);
  const { code, ms } = await end(bus, "SIGTERM");
  const [woken, asked, delivery, read] = await Promise.all(calls);
  expect(code).toBe(0);
  expect(ms).toBeLessThan(8_000);
  // The question itself woke it.
  expect(woken.events.map(({ payload }: { payload: string }) => payload)).toEqual(["?"]);
  expect(asked).toMatchObject({ answered: false });
  expect(delivery.deliveries).toMatchObject([{ state: "stored" }]);
  expect(read.events).toEqual([]);
});
