import { expect, test } from "bun:test";
import { type ProcessBus, startBus } from "../support/bus.ts";
import { callTool } from "../support/rpc.ts";
import { lockElsewhere } from "../support/serve.ts";

const publish = (bus: ProcessBus) =>
  callTool(bus.url, "publish_event", { event_type: "t", payload: "p", session_id: "s" });

interface Polled {
  slowest: number;
  p99: number;
  count: number;
}

/** Asks for /health every 50 ms until told to stop. */
function pollHealth(bus: ProcessBus): () => Promise<Polled> {
  const times: number[] = [];
  let over = false;
  const poll = async () => {
    while (!over) {
      const began = performance.now();
      const response = await fetch(`http://127.0.0.1:${bus.port}/health`);
      expect(response.status).toBe(200);
      await response.text();
      times.push(performance.now() - began);
      await Bun.sleep(50);
    }
  };
  const polling = poll();
  return async () => {
    over = true;
    await polling;
    times.sort((a, b) => a - b);
    const at = (part: number) => times[Math.floor((times.length - 1) * part)] ?? Number.NaN;
    return { slowest: at(1), p99: at(0.99), count: times.length };
  };
}

test("while another program holds the database, writes wait, then say storage_busy; reads and /health answer", async () => {
  const bus = await startBus("source");
  await publish(bus);
  const lock = await lockElsewhere(bus.db);
  const stop = pollHealth(bus);
  const began = performance.now();
  const writes = Array.from({ length: 20 }, () => publish(bus));
  const read = await bus.call("get_events", {});
  expect(performance.now() - began).toBeLessThan(1_000);
  expect(read.events).toHaveLength(1);
  for (const result of await Promise.all(writes)) {
    expect(result.isError).toBe(true);
    expect(result.content[0].text).toMatch(
      /locked by another process for 10 s.*Nothing was stored; try again/,
    );
  }
  const took = performance.now() - began;
  const health = await stop();
  await lock.release();
  expect(took).toBeGreaterThan(9_900);
  expect(took).toBeLessThan(11_000);
  expect(health.p99).toBeLessThan(150);
  expect(health.count).toBeGreaterThan(60);
  const after = await publish(bus);
  expect(after.structuredContent.event_id).toBe(2);
  expect(await bus.stop()).toBe(0);
  console.log(
    `20 writes refused after ${took.toFixed(0)} ms; /health asked ${health.count} times: p99 ${health.p99.toFixed(0)} ms, slowest ${health.slowest.toFixed(0)} ms`,
  );
}, 30_000);

test("writes that waited for a lock are stored, each once, when it goes away in time", async () => {
  const bus = await startBus("source");
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
  const bus = await startBus("source");
  await publish(bus);
  const lock = await lockElsewhere(bus.db);
  const writes = Array.from({ length: 5 }, () => publish(bus));
  await Bun.sleep(300);
  const began = performance.now();
  expect(await bus.stop()).toBe(0);
  expect(performance.now() - began).toBeLessThan(12_000);
  for (const result of await Promise.all(writes)) expect(result.isError).toBe(true);
  await lock.release();
  const second = await startBus("source", { folder: bus.folder });
  expect((await publish(second)).structuredContent.event_id).toBe(2);
  await second.stop();
}, 30_000);
