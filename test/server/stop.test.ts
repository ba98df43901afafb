import { expect, test } from "bun:test";
import { existsSync, statSync } from "node:fs";
import type { Socket } from "node:net";
import { type ProcessBus, startBus } from "../support/bus.ts";
import { hold, post } from "../support/raw.ts";
import { rpc } from "../support/rpc.ts";
import { lockElsewhere } from "../support/serve.ts";

const WITHIN_MS = 12_000;
const JSON_RPC = { jsonrpc: "2.0", id: 1, method: "tools/call" };

function call(bus: ProcessBus, name: string, args: object) {
  return rpc(bus.url, { ...JSON_RPC, params: { name, arguments: args } });
}

const publish = (bus: ProcessBus) => call(bus, "publish_event", { event_type: "t", payload: "p" });

/** Sends the signal and waits for the end. */
async function end(bus: ProcessBus, signal: "SIGTERM" | "SIGINT" = "SIGTERM") {
  const began = performance.now();
  bus.process.kill(signal);
  const code = await bus.process.exited;
  return { code, ms: performance.now() - began };
}

function expectFolded(bus: ProcessBus): void {
  const log = `${bus.db}-wal`;
  expect(existsSync(log) ? statSync(log).size : 0).toBe(0);
  expect(existsSync(`${bus.db}.pid`)).toBe(false);
}

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.destroyed) resolve();
    socket.on("close", () => resolve());
    socket.resume();
  });
}

test.each(["SIGTERM", "SIGINT"] as const)(
  "%s ends an idle bus at once with code 0, its log of writes folded in",
  async (signal) => {
    const bus = await startBus("source");
    await Promise.all(Array.from({ length: 50 }, () => publish(bus)));
    expect(statSync(`${bus.db}-wal`).size).toBeGreaterThan(0);
    const { code, ms } = await end(bus, signal);
    expect(code).toBe(0);
    expect(ms).toBeLessThan(1_000);
    expectFolded(bus);
  },
);

test("calls in flight, waiting calls and reads are all answered with 200 before the bus ends", async () => {
  const bus = await startBus("source");
  await publish(bus);
  const lock = await lockElsewhere(bus.db);
  const publishing = Array.from({ length: 50 }, () => publish(bus));
  const waiting = Array.from({ length: 50 }, (_, i) =>
    call(bus, "get_events", { channel: `nothing ${i}`, wait_seconds: 60 }),
  );
  await Bun.sleep(500);
  const ending = end(bus);
  await Bun.sleep(500);
  await expect(fetch(`http://127.0.0.1:${bus.port}/health`)).rejects.toThrow();
  await lock.release();
  const answers = await Promise.all([...publishing, ...waiting]);
  const { code, ms } = await ending;
  expect(answers.map(({ status }) => status)).toEqual(Array(100).fill(200));
  const ids = answers.slice(0, 50).map(({ message }) => message.result.structuredContent.event_id);
  expect(ids.sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i + 2));
  for (const { message } of answers.slice(50)) expect(message.result.structuredContent.events).toEqual([]);
  expect(code).toBe(0);
  expect(ms).toBeLessThan(WITHIN_MS);
  expectFolded(bus);
  const next = await startBus("source", { folder: bus.folder });
  expect((await publish(next)).message.result.structuredContent.event_id).toBe(52);
  await next.stop();
  console.log(`50 publishes and 50 waiting calls answered; ended ${ms.toFixed(0)} ms after SIGTERM`);
});

test("a waiting call that has begun its stream is answered too", async () => {
  const bus = await startBus("source");
  const waiting = call(bus, "get_events", { wait_seconds: 60 });
  await Bun.sleep(6_000);
  const { code, ms } = await end(bus);
  const { status, text, message } = await waiting;
  expect(status).toBe(200);
  expect(text).toContain(": still running");
  expect(message.result.structuredContent.events).toEqual([]);
  expect(code).toBe(0);
  expect(ms).toBeLessThan(2_000);
});

test("an idle connection does not hold the bus up", async () => {
  const bus = await startBus("source");
  const idle = await hold(bus.port, "GET /health HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n");
  await Bun.sleep(300);
  const { code, ms } = await end(bus);
  await closed(idle);
  expect(code).toBe(0);
  expect(ms).toBeLessThan(1_000);
  expectFolded(bus);
});

test("a head or a body that never ends is cut, the calls beside it are answered", async () => {
  const bus = await startBus("source");
  const half = Buffer.from(post(JSON.stringify({ ...JSON_RPC, params: { name: "get_events" } })));
  const stalled = await hold(bus.port, half.subarray(0, half.byteLength - 20));
  const begun = await hold(bus.port, half.subarray(0, 30));
  const waiting = call(bus, "get_events", { channel: "nothing", wait_seconds: 60 });
  await Bun.sleep(300);
  const { code, ms } = await end(bus);
  expect((await waiting).status).toBe(200);
  await Promise.all([closed(stalled), closed(begun)]);
  expect(code).toBe(0);
  expect(ms).toBeLessThan(WITHIN_MS);
  expectFolded(bus);
  console.log(`half a head and half a body: ended ${ms.toFixed(0)} ms after SIGTERM`);
}, 30_000);

test("a second SIGTERM ends the bus at once, and nothing acknowledged is lost", async () => {
  const bus = await startBus("source");
  const { message } = await publish(bus);
  const half = Buffer.from(post("{}"));
  const stalled = await hold(bus.port, half.subarray(0, half.byteLength - 1));
  await Bun.sleep(200);
  bus.process.kill("SIGTERM");
  await Bun.sleep(500);
  expect(bus.process.exitCode).toBeNull();
  const { code, ms } = await end(bus);
  stalled.destroy();
  expect(code).toBe(1);
  expect(ms).toBeLessThan(500);
  const next = await startBus("source", { folder: bus.folder });
  const { events } = await next.call("get_events", {});
  expect(events[0].id).toBe(message.result.structuredContent.event_id);
  await next.stop();
});
