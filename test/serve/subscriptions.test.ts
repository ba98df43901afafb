import { expect, test } from "bun:test";
import type { Event } from "../../src/domain/event.ts";
import { OpenSubscriptions } from "../../src/serve/subscriptions.ts";
import { logOf, waitOf } from "../support/subscriptions.ts";

test("when the bus stops, subscriptions that are open and those that still come are over", async () => {
  const subscriptions = new OpenSubscriptions(logOf().options(2));
  const before = subscriptions.subscribe(() => true, undefined, waitOf());
  const waiting = Array.fromAsync(before);
  await Bun.sleep(1);
  subscriptions.end();
  expect(await waiting).toEqual([[]]);
  expect(before.over).toBe(true);
  const after = subscriptions.subscribe(() => true, undefined, waitOf());
  expect(after.over).toBe(true);
  expect(await Array.fromAsync(after)).toEqual([[]]);
});

const types = (batches: readonly (readonly Event[])[]) =>
  batches.map((batch) => batch.map(({ event_type }) => event_type));

test("events after the cursor come first, then those that were hinted at, and only what passes the filter", async () => {
  const log = logOf();
  const subscriptions = new OpenSubscriptions(log.options(2));
  for (const type of ["old", "a", "x", "b"]) log.append(type);
  const seen: Event[][] = [];
  for await (const batch of subscriptions.subscribe(({ event_type }) => event_type !== "x", 1, waitOf())) {
    seen.push([...batch]);
    if (seen.length === 3) break;
    const next = seen.length === 1 ? ["x", "c"] : ["d"];
    setTimeout(() => {
      for (const type of next) subscriptions.wake(log.append(type));
    });
  }
  expect(types(seen)).toEqual([["a", "b"], ["c"], ["d"]]);
});

test("a hint that was lost is made up for by the next one", async () => {
  const log = logOf();
  const subscriptions = new OpenSubscriptions(log.options(2));
  const seen: Event[][] = [];
  for await (const batch of subscriptions.subscribe(() => true, undefined, waitOf())) {
    seen.push([...batch]);
    if (seen.length === 2) break;
    setTimeout(() => {
      log.append("lost");
      log.append("also lost");
      subscriptions.wake(log.append("hinted"));
    });
  }
  expect(types(seen)).toEqual([[], ["lost", "also lost", "hinted"]]);
});

test("events that do not pass the filter cost no read", async () => {
  const log = logOf();
  const subscriptions = new OpenSubscriptions(log.options(2));
  const waiting = Array.fromAsync(
    subscriptions.subscribe(({ event_type }) => event_type === "b", 0, waitOf()),
  );
  await Bun.sleep(1);
  for (let i = 0; i < 1_000; i++) subscriptions.wake(log.append("x"));
  subscriptions.wake(log.append("b"));
  await Bun.sleep(1);
  subscriptions.end();
  expect([types(await waiting), log.reads]).toEqual([[[], ["b"]], 2]);
});

test("more events than a page holds come page by page", async () => {
  const log = logOf();
  for (let i = 0; i < 250; i++) log.append(String(i));
  const subscriptions = new OpenSubscriptions(log.options(2));
  const batches = await Array.fromAsync(subscriptions.subscribe(() => true, 0, waitOf({ seconds: 0.5 })));
  expect(batches.map(({ length }) => length)).toEqual([100, 100, 50]);
  expect(batches.flat().map(({ id }) => id)).toEqual(Array.from({ length: 250 }, (_, i) => i + 1));
});

test("a subscription ends at its time, when its client goes away, and when its caller's token has ended", async () => {
  const log = logOf();
  let holds = true;
  const subscriptions = new OpenSubscriptions(log.options(1, () => holds));
  const open = (wait = waitOf()) => Array.fromAsync(subscriptions.subscribe(() => true, undefined, wait));
  expect(await open(waitOf({ seconds: 0 }))).toEqual([[]]);
  expect(await open(waitOf({ seconds: 0.02 }))).toEqual([[]]);
  const client = new AbortController();
  setTimeout(() => client.abort(), 5);
  expect(await open(waitOf({}, client.signal))).toEqual([[]]);
  const waiting = open();
  await Bun.sleep(1);
  holds = false;
  subscriptions.wake(log.append("secret"));
  expect(await waiting).toEqual([[]]);
});

test("what no event tells is looked at again and again", async () => {
  const subscriptions = new OpenSubscriptions(logOf().options(1));
  let looks = 0;
  const wait = waitOf({ everyMs: 2 });
  for await (const batch of subscriptions.subscribe(() => false, undefined, wait)) {
    expect(batch).toEqual([]);
    if (++looks === 5) break;
  }
  expect(looks).toBe(5);
});

test("a filter that throws fails its own call, and the others wake all the same", async () => {
  const log = logOf();
  const subscriptions = new OpenSubscriptions(log.options(8));
  const broken = () => {
    throw new Error("a broken filter");
  };
  const failing = Array.fromAsync(subscriptions.subscribe(broken, undefined, waitOf()));
  const waiting = Array.fromAsync(subscriptions.subscribe(() => true, undefined, waitOf()));
  await Bun.sleep(1);
  subscriptions.wake(log.append("a"));
  await expect(failing).rejects.toThrow("a broken filter");
  await Bun.sleep(1);
  subscriptions.end();
  expect(types(await waiting)).toEqual([[], ["a"]]);
});
