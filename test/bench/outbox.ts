// `bun test/bench/outbox.ts [PENDING]`: what a long backlog of webhook deliveries costs, next to an empty outbox.
import { Database } from "bun:sqlite";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Subprocess } from "bun";
import { callTool } from "../support/rpc.ts";

const WEBHOOKS = 3;
const PUBLISHES = 1_000;

export interface Outbox {
  pending: number;
  startMs: number;
  megabytes: number;
  publishP50: number;
  publishP99: number;
  /** Deliveries to the one endpoint that works, a second. */
  drained: number;
}

interface Server {
  url: string;
  startMs: number;
  process: Subprocess;
}

async function start(folder: string): Promise<Server> {
  const began = performance.now();
  const main = join(import.meta.dir, "../../src/main.ts");
  const child = Bun.spawn([process.execPath, main, "serve", "--port", "0", "--db", join(folder, "data.db")], {
    env: {
      PATH: process.env.PATH ?? "",
      HOME: folder,
      AGENT_EVENT_BUS_LOG: join(folder, "bus.log"),
      AGENT_EVENT_BUS_ERR: join(folder, "bus.err"),
      AGENT_EVENT_BUS_WEBHOOK_BACKLOG: "10000000",
    },
    stdout: "pipe",
    stderr: "inherit",
  });
  for await (const chunk of child.stdout) {
    const url = /listens on (\S+)/.exec(new TextDecoder().decode(chunk))?.[1];
    if (url !== undefined) return { url, startMs: performance.now() - began, process: child };
  }
  throw new Error("the bus did not start");
}

function fill(path: string, pending: number): void {
  const db = new Database(path);
  const each = Math.ceil(pending / WEBHOOKS);
  const numbers = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${each})`;
  db.run("BEGIN");
  db.run(`${numbers} INSERT INTO events (event_type, payload, session_id, timestamp, channel)
    SELECT 'old', printf('%.200c', 'x'), 's', '2026-01-31T08:00:00.000Z', 'all' FROM n`);
  for (let webhook = 1; webhook <= WEBHOOKS; webhook++)
    db.run(`INSERT INTO deliveries (webhook_id, event_id, created_at)
      SELECT ${webhook}, id, unixepoch() * 1000 FROM events WHERE event_type = 'old'`);
  db.run("COMMIT");
  db.close();
}

/** Resident memory; the peak since the process began. */
function peakMegabytes({ pid }: Subprocess): number {
  try {
    const kilobytes = /^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    return Number(kilobytes) / 1024;
  } catch {
    return Number.NaN;
  }
}

async function publishes(url: string): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < PUBLISHES; i++) {
    const began = performance.now();
    await callTool(url, "publish_event", { event_type: "new", payload: "hello" });
    times.push(performance.now() - began);
  }
  return times.toSorted((a, b) => a - b);
}

/** Two webhooks whose endpoint refuses, one that works, each with a third of `pending`. */
export async function measureOutbox(pending: number): Promise<Outbox> {
  const folder = mkdtempSync(join(tmpdir(), "outbox-"));
  let got = 0;
  const works = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: () => {
      got++;
      return new Response(null, { status: 204 });
    },
  });
  let server: Server | undefined;
  try {
    server = await start(folder);
    for (const url of ["http://127.0.0.1:1/", "http://127.0.0.1:2/", works.url.href])
      await callTool(server.url, "register_webhook", { url });
    server.process.kill();
    await server.process.exited;
    fill(join(folder, "data.db"), pending);
    server = await start(folder);
    const times = await publishes(server.url);
    const [began, before] = [performance.now(), got];
    await Bun.sleep(Math.min(5_000, 500 + pending / 100));
    const drained = (got - before) / ((performance.now() - began) / 1_000);
    const [publishP50 = 0, publishP99 = 0] = [0.5, 0.99].map(
      (part) => times[Math.floor(times.length * part)],
    );
    const megabytes = peakMegabytes(server.process);
    return { pending, startMs: server.startMs, megabytes, publishP50, publishP99, drained };
  } finally {
    server?.process.kill("SIGKILL");
    await server?.process.exited;
    works.stop(true);
    rmSync(folder, { recursive: true, force: true });
  }
}

export function describeOutbox({
  pending,
  startMs,
  megabytes,
  publishP50,
  publishP99,
  drained,
}: Outbox): string {
  const publish = `publish p50 ${publishP50.toFixed(1)} ms, p99 ${publishP99.toFixed(1)} ms`;
  return `${pending} pending: start ${startMs.toFixed(0)} ms, peak ${megabytes.toFixed(0)} MB, ${publish}, ${drained.toFixed(0)} deliveries/s`;
}

if (import.meta.main) {
  const empty = await measureOutbox(0);
  const full = await measureOutbox(Number(process.argv[2] ?? 1_000_000));
  console.log(describeOutbox(empty));
  console.log(describeOutbox(full));
  console.log(`publish p99 ratio ${(full.publishP99 / empty.publishP99).toFixed(2)}`);
}
