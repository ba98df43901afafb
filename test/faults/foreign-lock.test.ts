import { expect, test } from "bun:test";
import { type ProcessBus, startBus } from "../support/bus.ts";
import { end, type HealthAnswer, healthIs, pollHealth } from "../support/process.ts";
import { callTool } from "../support/rpc.ts";
import { lockElsewhere } from "../support/serve.ts";
import { percentile } from "../support/webhook.ts";

const publish = (bus: ProcessBus) =>
  callTool(bus.url, "publish_event", { event_type: "t", payload: "p", session_id: "s" });

test("while another program holds the database for 10 s, writes wait, then say storage_busy; reads and /health answer", async () => {
  const bus = await startBus("binary");
  await publish(bus);
  const { session_id } = await bus.call("register_session", { name: "reader", client_id: "reader" });
  const news = (await publish(bus)).structuredContent.event_id;
  const lock = await lockElsewhere(bus.db);
  const stop = pollHealth(bus);
  const began = performance.now();
  const writes = Array.from({ length: 20 }, () => publish(bus));
  expect((await bus.call("get_events", {})).events).toHaveLength(3);
  const resume = { session_id, resume: true, order: "asc" };
  const resumed = await bus.call("get_events", resume);
  const resumedMs = performance.now() - began;
  expect(resumed.events.map((event: { id: number }) => event.id)).toEqual([news]);
  expect(resumed.warning).toMatch(
    /^Your cursor was not saved, so a resume returns these events again: The database /,
  );
  for (const result of await Promise.all(writes)) {
    expect(result.isError).toBe(true);
    expect(result.content[0].text).toMatch(
      /locked by another process for 10 s.*Nothing was stored. Try again/,
    );
  }
  const took = performance.now() - began;
  await lock.release();
  const back = await healthIs(bus, 200);
  const polled = await stop();
  expect((await bus.call("get_events", resume)).events).toEqual(resumed.events);
  expect((await publish(bus)).structuredContent.event_id).toBe(news + 1);
  expect(await bus.stop()).toBe(0);
  const { typical, degradedAt } = expectDegraded(polled);
  expect(took).toBeWithin(9_900, 20_000);
  // The refused writes take ten seconds.
  expect(resumedMs).toBeLessThan(8_000);
  console.log(
    `20 writes refused after ${took.toFixed(0)} ms; a resume answered after ${resumedMs.toFixed(0)} ms; /health asked ${polled.length} times: mostly within ${typical.toFixed(0)} ms, 503 after ${degradedAt.toFixed(0)} ms, 200 again ${back.toFixed(0)} ms after the lock was gone`,
  );
}, 30_000);

/** Fine at first, degraded soon after the first second of the lock, and answered meanwhile. */
function expectDegraded(polled: readonly (HealthAnswer & { at: number })[]) {
  const times = polled.map(({ ms }) => ms);
  const typical = percentile(times, 0.9);
  const degraded = polled.filter(({ code }) => code === 503);
  for (const answer of degraded) {
    expect(answer).toMatchObject({ status: "degraded", reason: "storage_busy" });
    expect(answer.detail).toContain("is locked by another process");
    expect(answer.since).toBe(degraded[0]?.since);
  }
  const degradedAt = degraded[0]?.at ?? Number.NaN;
  expect(polled[0]?.code).toBe(200);
  expect(degradedAt).toBeWithin(900, 8_000);
  expect(degraded.length).toBeGreaterThan(10);
  expect(typical).toBeLessThan(500);
  expect(Math.max(...times)).toBeLessThan(5_000);
  return { typical, degradedAt };
}

test("writes that waited for a lock are stored, each once, when it goes away in time", async () => {
  const bus = await startBus("binary");
  await publish(bus);
  const lock = await lockElsewhere(bus.db);
  const writes = Array.from({ length: 50 }, () => publish(bus));
  await Bun.sleep(3_000);
  await lock.release();
  const ids = (await Promise.all(writes)).map((result) => result.structuredContent.event_id);
  expect(ids.sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i + 2));
  expect((await bus.call("get_events", { limit: 1000 })).events).toHaveLength(51);
  expect(await bus.stop()).toBe(0);
});

test("a bus told to stop while another program holds the database still ends well, and in time", async () => {
  const bus = await startBus("binary");
  await publish(bus);
  const lock = await lockElsewhere(bus.db);
  const writes = Array.from({ length: 5 }, () => publish(bus));
  await Bun.sleep(300);
  const { code, ms } = await end(bus);
  expect(code).toBe(0);
  expect(ms).toBeLessThan(12_000);
  for (const result of await Promise.all(writes)) expect(result.isError).toBe(true);
  await lock.release();
  const second = await startBus("binary", { folder: bus.folder });
  expect((await publish(second)).structuredContent.event_id).toBe(2);
  await second.stop();
}, 30_000);

test("what the bus itself would write does not keep it from ending under a foreign lock", async () => {
  const bus = await startBus("binary");
  const { session_id } = await bus.call("register_session", { name: "reader", client_id: "reader" });
  await publish(bus);
  const lock = await lockElsewhere(bus.db);
  await Bun.sleep(1_100);
  expect((await bus.call("get_events", { session_id, resume: true })).warning).toContain("locked by another");
  await healthIs(bus, 503);
  // The bus looks every second whether the lock is gone.
  await Bun.sleep(1_500);
  const { code, ms } = await end(bus);
  await lock.release();
  expect(code).toBe(0);
  expect(ms).toBeLessThan(8_000);
  console.log(`nothing in flight under a foreign lock: ended ${ms.toFixed(0)} ms after SIGTERM`);
});
