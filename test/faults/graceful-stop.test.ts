import { expect, test } from "bun:test";
import { existsSync, statSync } from "node:fs";
import type { Socket } from "node:net";
import { type ProcessBus, startBus } from "../support/bus.ts";
import { canMount, smallDisk } from "../support/disk.ts";
import { end, healthIs } from "../support/process.ts";
import { hold, post } from "../support/raw.ts";
import { receiver } from "../support/receiver.ts";
import { rpc } from "../support/rpc.ts";
import { lockElsewhere, sqlite } from "../support/serve.ts";

const WITHIN_MS = 12_000;
/** An end without the ten seconds that half-sent requests get. */
const AT_ONCE_MS = 5_000;
if (!canMount) console.log("skipped: SIGTERM on a full disk, unshare -rm cannot mount here");
const JSON_RPC = { jsonrpc: "2.0", id: 1, method: "tools/call" };

function call(bus: ProcessBus, name: string, args: object) {
  return rpc(bus.url, { ...JSON_RPC, params: { name, arguments: args } });
}

const publish = (bus: ProcessBus, payload = "p") => call(bus, "publish_event", { event_type: "t", payload });

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
    const bus = await startBus("binary");
    await Promise.all(Array.from({ length: 50 }, () => publish(bus)));
    expect(statSync(`${bus.db}-wal`).size).toBeGreaterThan(0);
    const { code, ms } = await end(bus, signal);
    expect(code).toBe(0);
    expect(ms).toBeLessThan(AT_ONCE_MS);
    expectFolded(bus);
  },
);

test("calls in flight are answered, whatever else is open: streams, idle connections, half a head, half a body", async () => {
  const bus = await startBus("binary");
  await publish(bus);
  const streams = [1, 2].map(() => call(bus, "get_events", { channel: "nothing", wait_seconds: 60 }));
  // Long enough for their answers to begin as event streams.
  await Bun.sleep(5_500);
  const lock = await lockElsewhere(bus.db);
  const half = Buffer.from(post(JSON.stringify({ ...JSON_RPC, params: { name: "get_events" } })));
  const idle = await hold(bus.port, "GET /health HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n");
  const stalled = await hold(bus.port, half.subarray(0, half.byteLength - 20));
  const begun = await hold(bus.port, half.subarray(0, 30));
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
  for (const { text } of await Promise.all(streams)) {
    expect(text).toContain(": still running");
    expect(text).toContain('"events":[]');
  }
  await Promise.all([closed(idle), closed(stalled), closed(begun)]);
  expect(code).toBe(0);
  expect(ms).toBeLessThan(WITHIN_MS);
  expectFolded(bus);
  const next = await startBus("binary", { folder: bus.folder });
  expect((await publish(next)).message.result.structuredContent.event_id).toBe(52);
  await next.stop();
  console.log(
    `50 of 50 publishes, 50 of 50 waiting calls and 2 of 2 streams answered; new connections refused; ended ${ms.toFixed(0)} ms after SIGTERM`,
  );
}, 30_000);

test("an idle connection does not hold the bus up", async () => {
  const bus = await startBus("binary");
  const idle = await hold(bus.port, "GET /health HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n");
  await Bun.sleep(300);
  const { code, ms } = await end(bus);
  await closed(idle);
  expect(code).toBe(0);
  expect(ms).toBeLessThan(AT_ONCE_MS);
  expectFolded(bus);
});

test("a second SIGTERM ends the bus at once, and nothing acknowledged is lost", async () => {
  const bus = await startBus("binary");
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
  expect(ms).toBeLessThan(AT_ONCE_MS);
  const next = await startBus("binary", { folder: bus.folder });
  const { events } = await next.call("get_events", {});
  expect(events[0].id).toBe(message.result.structuredContent.event_id);
  await next.stop();
});

test("SIGTERM under the load of 8 publishers: every acknowledged event is there, none was answered by a cut connection", async () => {
  const bus = await startBus("binary");
  const acknowledged: number[] = [];
  const ends: string[] = [];
  const publisher = async () => {
    for (;;) {
      try {
        const { status, message } = await publish(bus);
        if (status !== 200) return void ends.push(`HTTP ${status}`);
        acknowledged.push(message.result.structuredContent.event_id);
      } catch (error) {
        return void ends.push(String((error as { code?: string }).code));
      }
    }
  };
  const publishers = Array.from({ length: 8 }, publisher);
  await Bun.sleep(1_500);
  const { code, ms } = await end(bus);
  await Promise.all(publishers);
  expect(code).toBe(0);
  expect(ms).toBeLessThan(WITHIN_MS);
  expectFolded(bus);
  const stored = sqlite(bus.db, "SELECT 1")
    .query("SELECT id FROM events ORDER BY id")
    .values()
    .flat() as number[];
  acknowledged.sort((a, b) => a - b);
  expect(acknowledged.length).toBeGreaterThan(100);
  expect(stored.length).toBe(acknowledged.length);
  expect(stored).toEqual(acknowledged);
  console.log(
    `8 publishers: ${acknowledged.length} acknowledged, ${stored.length} stored, ended ${ms.toFixed(0)} ms after SIGTERM; last words: ${[...new Set(ends)].join(", ")}`,
  );
});

test.skipIf(!canMount)(
  "SIGTERM on a full disk ends the bus in time, and what was acknowledged is there",
  async () => {
    const disk = await smallDisk(4 * 1024 * 1024);
    disk.fill("filler", 3 * 1024 * 1024);
    const log = { AGENT_EVENT_BUS_LOG: "/dev/null", AGENT_EVENT_BUS_ERR: "/dev/null" };
    const bus = await startBus("binary", { folder: disk.folder, inside: disk.inside, env: log });
    const hooks = receiver();
    await bus.call("register_webhook", { url: hooks.url() });
    let acknowledged = 0;
    for (let refused = 0; refused < 3; ) {
      const { message } = await publish(bus, "x".repeat(2_000));
      if (message.result.isError) refused++;
      else acknowledged = message.result.structuredContent.event_id;
    }
    disk.run(`cat /dev/zero > ${disk.folder}/rest 2>/dev/null || true`);
    await healthIs(bus, 503);
    const { code, ms } = await end(bus);
    hooks.stop();
    expect(code).toBe(0);
    expect(ms).toBeLessThan(WITHIN_MS);
    expect(disk.integrity()).toBe("ok");
    disk.remove("rest");
    disk.remove("filler");
    const next = await startBus("binary", { folder: disk.folder, inside: disk.inside, env: log });
    expect((await next.call("get_events", { limit: 1 })).events[0].id).toBe(acknowledged);
    await next.stop();
    console.log(
      `on a full disk: ended ${ms.toFixed(0)} ms after SIGTERM, ${acknowledged} of ${acknowledged} events there`,
    );
  },
);
