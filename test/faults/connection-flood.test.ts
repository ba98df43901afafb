import { afterAll, expect, test } from "bun:test";
import { join } from "node:path";
import { type Kind, type ProcessBus, root, startBus } from "../support/bus.ts";
import { cpuMs, health, openFiles, rssMib } from "../support/process.ts";
import { eventually, percentile } from "../support/webhook.ts";

const WANTED = 10_000;
const limit =
  Number(Bun.spawnSync(["sh", "-c", "ulimit -Hn"]).stdout.toString().trim()) || Number.POSITIVE_INFINITY;
const python = Bun.which("python3");
const can = python !== null && limit > WANTED + 500;
if (!can)
  console.log(
    `skipped: ${WANTED} connections, python3 or a limit of open files above that is missing (${limit})`,
  );

/** Connections of another process that say nothing, or just `head`; resolves with how many it has. */
async function flood(
  bus: ProcessBus,
  count: number,
  head = "",
): Promise<{ open: number; close(): Promise<void> }> {
  const script = join(root, "test/support/flood.py");
  const child = Bun.spawn([String(python), script, String(bus.port), String(count), head], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  afterAll(() => child.kill("SIGKILL"));
  let told = "";
  for await (const chunk of child.stdout) {
    told += new TextDecoder().decode(chunk);
    if (told.includes("\n")) break;
  }
  return {
    open: Number(/^open (\d+)/.exec(told)?.[1]),
    async close() {
      child.stdin.end();
      await child.exited;
    },
  };
}

/** How long /health takes, ms, asked so many times in a row. */
async function latencies(bus: ProcessBus, count: number): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    const answer = await health(bus);
    expect(answer.code).toBe(200);
    times.push(answer.ms);
  }
  return times;
}

const raised = ["sh", "-c", `ulimit -n ${WANTED + 500} && exec "$@"`, "sh"];
const kinds: Kind[] = ["binary", "node"];

test.skipIf(!can).each(kinds)(
  "10,000 idle connections hold nothing up and leave nothing behind (%s)",
  async (kind) => {
    const bus = await startBus(kind, { inside: raised });
    const { pid } = bus.process;
    await latencies(bus, 50);
    const [files, memory] = [openFiles(pid), rssMib(pid)];
    // One request each: Linux hands a connection that has sent nothing to the bus late, or not at all.
    const idle = await flood(bus, WANTED, "GET /health HTTP/1.1\\r\\nhost: 127.0.0.1\\r\\n\\r\\n");
    expect(idle.open).toBe(WANTED);
    const times = await latencies(bus, 300);
    const held = openFiles(pid) - files;
    const memoryThen = rssMib(pid);
    expect(held).toBeGreaterThan(WANTED - 100);
    const published = await bus.call("publish_event", { event_type: "t", payload: "p" });
    expect(published.event_id).toBe(1);
    await idle.close();
    await eventually("the connections are closed", () => openFiles(pid) <= files + 5, 20_000);
    expect(memoryThen - memory).toBeLessThan(400);
    await latencies(bus, 50);
    console.log(
      `${held} idle connections (${kind}): /health p50 ${percentile(times, 0.5).toFixed(1)} ms, p99 ${percentile(times, 0.99).toFixed(1)} ms; open files ${files} → ${files + held} → ${openFiles(pid)}; memory ${memory.toFixed(0)} → ${memoryThen.toFixed(0)} → ${rssMib(pid).toFixed(0)} MiB`,
    );
    expect(await bus.stop()).toBe(0);
  },
);

test.skipIf(!can).each(kinds)(
  "more connections than the bus may have files: it answers again when they are gone (%s)",
  async (kind) => {
    const bus = await startBus(kind, { inside: ["sh", "-c", 'ulimit -n 256 && exec "$@"', "sh"] });
    const { pid } = bus.process;
    const files = openFiles(pid);
    const before = cpuMs(pid);
    const idle = await flood(bus, 1_000);
    await Bun.sleep(2_000);
    const cpu = cpuMs(pid) - before;
    expect(openFiles(pid)).toBeGreaterThan(200);
    await idle.close();
    await eventually(
      "it answers again",
      async () => (await health(bus).catch(() => null))?.code === 200,
      20_000,
    );
    expect(await bus.call("publish_event", { event_type: "t", payload: "p" })).toMatchObject({ event_id: 1 });
    await eventually("the connections are closed", () => openFiles(pid) <= files + 5, 20_000);
    console.log(`1000 connections, 256 files (${kind}): ${cpu} ms of processor time in 2 s, answers again`);
    expect(await bus.stop()).toBe(0);
  },
);

test.each(kinds)("2,000 times GET /mcp is 2,000 times 405 (%s)", async (kind) => {
  const bus = await startBus(kind);
  const files = openFiles(bus.process.pid);
  const get = async () => {
    const headers = { accept: "text/event-stream" };
    const { status } = await fetch(bus.url, { headers, signal: AbortSignal.timeout(20_000) });
    return status;
  };
  const seen: number[] = [];
  for (let i = 0; i < 20; i++) seen.push(...(await Promise.all(Array.from({ length: 100 }, get))));
  expect(seen).toEqual(Array(2_000).fill(405));
  expect((await health(bus)).code).toBe(200);
  console.log(
    `GET /mcp (${kind}): ${seen.length} × 405; open files ${files} → ${openFiles(bus.process.pid)}`,
  );
  expect(await bus.stop()).toBe(0);
});
