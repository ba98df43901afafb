import { expect, test } from "bun:test";
import { BusError } from "../../src/domain/context.ts";
import { OpenSubscriptions } from "../../src/serve/subscriptions.ts";
import { join, problem } from "../support/agent.ts";
import { startBus, startHere } from "../support/bus.ts";
import { startClient } from "../support/client.ts";
import { end } from "../support/process.ts";
import { logOf, waitOf } from "../support/subscriptions.ts";
import { eventually } from "../support/webhook.ts";

/** Opens subscriptions one after another, each for a session or none. */
function opened(most = 10) {
  const subscriptions = new OpenSubscriptions(logOf().options(most));
  const open = (sessionId?: string, sole = false) =>
    subscriptions.subscribe(() => true, undefined, waitOf({ sessionId, sole }));
  return { subscriptions, open };
}

test("has tells whether a call waits for a session, until the last one ends", () => {
  const { subscriptions, open } = opened();
  expect(subscriptions.has("a")).toBe(false);
  const [one, two, other] = [open("a"), open("a", true), open()];
  expect([subscriptions.has("a"), subscriptions.has("b")]).toEqual([true, false]);
  one.close();
  one.close();
  expect(subscriptions.has("a")).toBe(true);
  two.close();
  other.close();
  expect(subscriptions.has("a")).toBe(false);
});

test("a session's new sole waiter ends the one before it, and no other call", async () => {
  const { subscriptions, open } = opened();
  const [plain, far] = [open("a"), open("b", true)];
  const first = open("a", true);
  const waiting = Array.fromAsync(first);
  const second = open("a", true);
  expect(await waiting).toEqual([[]]);
  expect([first.over, second.over, plain.over, far.over]).toEqual([true, false, false, false]);
  first.close();
  expect(subscriptions.has("a")).toBe(true);
});

test("dismissed is the sole waiter of that session only, also one that does not wait at the moment", async () => {
  const { subscriptions, open } = opened();
  const [plain, sole, far] = [open("a"), open("a", true), open("b", true)];
  subscriptions.dismiss("a");
  subscriptions.dismiss("nobody");
  expect([plain.over, sole.over, far.over]).toEqual([false, true, false]);
  expect(await Array.fromAsync(sole)).toEqual([[]]);
});

test("places are given back, and a refused waiter dismisses nobody", () => {
  const { subscriptions, open } = opened(2);
  const sole = open("a", true);
  const other = open();
  expect(() => open("a", true)).toThrow(BusError);
  expect(sole.over).toBe(false);
  other.close();
  for (let i = 0; i < 10; i++) open("b", true).close();
  expect(subscriptions.has("b")).toBe(false);
});

test("on a bus the newest waiter of a session stays, the earlier one is told to leave", async () => {
  const bus = await startHere();
  const client = await startClient(bus);
  const first = client.hook("wake", { wait_seconds: 60 });
  await eventually("it waits", async () => (await bus.call("list_sessions")).result[0].reach === "wakes");
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
    await eventually("it waits", async () => (await reach()) === "wakes");
    expect(await problem(bus, "get_events", { wait_seconds: 1 })).toContain("1 calls are already waiting");
    gone.abort();
    await expect(call).rejects.toThrow();
    await eventually("nobody waits", async () => (await reach()) === "next_prompt");
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
