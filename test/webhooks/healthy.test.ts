import { expect, test } from "bun:test";
import { publish } from "../support/agent.ts";
import { startBus } from "../support/bus.ts";
import { type Receiver, receiver } from "../support/receiver.ts";
import { deliveriesOf, eventually, hook, hookOf, percentile } from "../support/webhook.ts";

/** Attempts that hang end after the test. */
const FOREVER = { AGENT_EVENT_BUS_WEBHOOK_TIMEOUT: "60000" };

/** Publishes at a steady pace until a healthy receiver beside bad ones has everything. Returns the times (ms) in words. */
async function deliver(bad: readonly string[], healthy: Receiver, events: number, env = {}): Promise<string> {
  const bus = await startBus("binary", { env });
  for (const url of bad) await hook(bus, url);
  await hook(bus, healthy.url("/healthy"), { event_types: ["note"] });
  const began = new Map<number, number>();
  const answers: number[] = [];
  for (let i = 0; i < events; i++) {
    const start = performance.now();
    const id = await publish(bus);
    began.set(id, start);
    answers.push(performance.now() - start);
    await Bun.sleep(1);
  }
  const got = await healthy.until("/healthy", events, 20_000);
  const waits = got.map(({ json, received }) => received - (began.get(json.event_id) ?? Number.NaN));
  expect(waits.filter(Number.isNaN)).toEqual([]);
  await bus.kill();
  healthy.stop();
  const [p50, p99, publishing] = [percentile(waits, 0.5), percentile(waits, 0.99), percentile(answers, 0.99)];
  return `p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms, p99 of publish ${publishing.toFixed(1)} ms`;
}

test("ten endpoints that accept and never answer keep nothing from a healthy one", async () => {
  const hung = receiver(() => new Promise<Response>(() => {}));
  const paths = Array.from({ length: 10 }, (_, i) => hung.url(`/${i}`));
  console.log(`beside ten that hang: ${await deliver(paths, receiver(), 300, FOREVER)}`);
  for (let i = 0; i < 10; i++) expect(hung.at(`/${i}`).length).toBeLessThanOrEqual(4);
  hung.stop();
});

test("endpoints that fail in ten ways keep nothing from a healthy one", async () => {
  const bad = receiver(async (path) => {
    if (path === "/redirect") return Response.redirect("http://169.254.169.254/", 302);
    if (path === "/slow") await Bun.sleep(2_000);
    const status = Number(path.slice(1)) || 500;
    return new Response("x".repeat(100_000), { status, headers: { "retry-after": "1" } });
  });
  const paths = "/500 /503 /429 /404 /redirect /slow /410".split(" ").map((path) => bad.url(path));
  const urls = [...paths, "http://127.0.0.1:1/", "http://no-such-host.invalid/", "http://[::1]:1/"];
  console.log(`beside ten that fail: ${await deliver(urls, receiver(), 300)}`);
  bad.stop();
});

test("at most 4 are under way for one webhook, and one for an ordered webhook", async () => {
  const most = new Map<string, number>();
  const now = new Map<string, number>();
  const slow = receiver(async (path) => {
    const running = (now.get(path) ?? 0) + 1;
    now.set(path, running);
    most.set(path, Math.max(most.get(path) ?? 0, running));
    await Bun.sleep(10);
    now.set(path, (now.get(path) ?? 0) - 1);
    return new Response(null);
  });
  const bus = await startBus("binary");
  await hook(bus, slow.url("/any"));
  await hook(bus, slow.url("/ordered"), { ordered: true });
  await Promise.all(Array.from({ length: 100 }, () => publish(bus)));
  for (const path of ["/any", "/ordered"]) await slow.until(path, 100);
  expect([most.get("/any"), most.get("/ordered")]).toEqual([4, 1]);
  slow.stop();
});

test("at most 64 are under way in all, and nobody is left out", async () => {
  let [running, most] = [0, 0];
  const slow = receiver(async () => {
    most = Math.max(most, ++running);
    await Bun.sleep(30);
    running--;
    return new Response(null);
  });
  const bus = await startBus("binary");
  for (let i = 0; i < 90; i++) await hook(bus, slow.url(`/${i}`));
  await Promise.all(Array.from({ length: 20 }, () => publish(bus)));
  await eventually("a first delivery for everyone", () => {
    return Array.from({ length: 90 }, (_, i) => slow.at(`/${i}`).length).every((count) => count > 0);
  });
  const counts = Array.from({ length: 90 }, (_, i) => slow.at(`/${i}`).length);
  expect(Math.max(...counts)).toBeLessThanOrEqual(8);
  for (let i = 0; i < 90; i++) await slow.until(`/${i}`, 20, 20_000);
  expect(most).toBeLessThanOrEqual(64);
  console.log(`most under way: ${most}`);
  slow.stop();
});

test("a webhook whose receiver is gone (410) is paused with its reason, and everyone hears of it once", async () => {
  const gone = receiver(async (path) => {
    await Bun.sleep(20);
    return new Response(null, { status: path === "/gone" ? 410 : 204 });
  });
  const bus = await startBus("binary");
  const id = await hook(bus, gone.url("/gone?token=secret"), { event_types: ["note", "webhook_disabled"] });
  await hook(bus, gone.url("/watch"), { event_types: ["webhook_disabled"] });
  await Promise.all(Array.from({ length: 20 }, () => publish(bus)));
  await gone.until("/watch", 1);
  await Bun.sleep(100);
  const told = gone.at("/watch").map(({ json }) => json.payload);
  expect(told).toHaveLength(1);
  expect(told[0]).toContain(`Webhook ${id} (127.0.0.1:`);
  expect(told[0]).toContain("the receiver answered 410 Gone");
  expect(told[0]).not.toContain("secret");
  const { active, paused_reason, pending, dead } = await hookOf(bus, id);
  expect([active, paused_reason, pending + dead]).toEqual([false, "the receiver answered 410 Gone", 20]);
  expect(gone.at("/gone").length).toBe(dead);
  expect((await deliveriesOf(bus, id, { state: "dead" })).every((row) => row.last_status === 410)).toBe(true);
  gone.stop();
});

test("a Retry-After holds the whole webhook, and only so long", async () => {
  const times: number[] = [];
  const strict = receiver(() => {
    times.push(performance.now());
    const first = times.length === 1;
    return new Response(null, { status: first ? 429 : 204, headers: first ? { "retry-after": "2" } : {} });
  });
  const bus = await startBus("binary");
  const id = await hook(bus, strict.url());
  await publish(bus);
  await strict.until("/", 1);
  await Bun.sleep(50);
  for (let i = 0; i < 3; i++) await publish(bus);
  await strict.until("/", 5);
  const [first = 0, second = 0] = times;
  expect(second - first).toBeWithin(1_950, 10_000);
  await eventually("every answer is recorded", async () => (await hookOf(bus, id)).pending === 0);
  strict.stop();
});
