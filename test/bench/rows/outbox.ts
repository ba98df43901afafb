import { Database } from "bun:sqlite";
import { join } from "node:path";
import type { Bench } from "../bench.ts";
import type { Figure } from "../figure.ts";
import { Connection, resultIn, tool } from "../load/connection.ts";
import type { Row } from "../row.ts";
import { peakMb } from "../usage.ts";
import { BODY } from "./publish.ts";

const PUBLISHES = 1_000;
/** Endpoints that refuse every connection. */
const BROKEN = ["http://127.0.0.1:1/", "http://127.0.0.1:2/"];
const BACKLOG = { AGENT_EVENT_BUS_WEBHOOK_BACKLOG: "10000000" };

export interface Outbox {
  pending: number;
  startMs: number;
  /** Largest memory since the process began; NaN where /proc does not tell. */
  megabytes: number;
  publishP50: number;
  publishP99: number;
  /** Deliveries to the one endpoint that works, a second. */
  drained: number;
}

function fill(path: string, pending: number): void {
  const db = new Database(path);
  const webhooks = BROKEN.length + 1;
  const each = Math.ceil(pending / webhooks);
  const numbers = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${each})`;
  db.run("BEGIN");
  db.run(`${numbers} INSERT INTO events (event_type, payload, session_id, timestamp, channel)
    SELECT 'old', printf('%.200c', 'x'), 's', '2026-01-31T08:00:00.000Z', 'all' FROM n`);
  for (let webhook = 1; webhook <= webhooks; webhook++)
    db.run(`INSERT INTO deliveries (webhook_id, event_id, created_at)
      SELECT ${webhook}, id, unixepoch() * 1000 FROM events WHERE event_type = 'old'`);
  db.run("COMMIT");
  db.close();
}

/** Two webhooks whose endpoint refuses, one that works, each with a third of `pending`. */
export async function measureOutbox(bench: Bench, pending: number): Promise<Outbox> {
  let got = 0;
  const works = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: () => {
      got++;
      return new Response(null, { status: 204 });
    },
  });
  try {
    const folder = bench.scratch.folder();
    const first = await bench.startBus(folder, BACKLOG);
    const connection = await Connection.open(first.port);
    for (const url of [...BROKEN, works.url.href])
      resultIn(await connection.call(tool("register_webhook", { url })));
    connection.close();
    await first.stop();
    if (pending > 0) fill(join(folder, "data.db"), pending);
    const began = performance.now();
    const bus = await bench.startBus(folder, BACKLOG);
    const startMs = performance.now() - began;
    const job = {
      task: "closed",
      port: bus.port,
      path: "/mcp",
      bodies: [BODY],
      expects: "event_id",
    } as const;
    const times = await bench.load({ ...job, connections: 1, warmMs: 0, ms: 30_000, most: PUBLISHES });
    const [since, before] = [performance.now(), got];
    await Bun.sleep(Math.min(5_000, 500 + pending / 100));
    const drained = (got - before) / ((performance.now() - since) / 1_000);
    const megabytes = peakMb(bus.pid);
    await bus.stop();
    return { pending, startMs, megabytes, publishP50: times.p50, publishP99: times.p99, drained };
  } finally {
    works.stop(true);
  }
}

export function describeOutbox(outbox: Outbox): string {
  const { pending, startMs, megabytes, publishP50, publishP99, drained } = outbox;
  const publish = `publish p50 ${publishP50.toFixed(1)} ms, p99 ${publishP99.toFixed(1)} ms`;
  return `${pending} pending: start ${startMs.toFixed(0)} ms, peak ${megabytes.toFixed(0)} MB, ${publish}, ${drained.toFixed(0)} deliveries/s`;
}

/** What a long backlog of deliveries costs, next to an empty outbox. No target. */
export const outbox: Row = {
  name: "outbox",
  further: true,
  async run(bench) {
    const empty = await measureOutbox(bench, 0);
    const full = await measureOutbox(bench, bench.quick ? 30_000 : 1_000_000);
    const figure = (
      what: string,
      unit: "ms" | "MB",
      key: "startMs" | "megabytes" | "publishP99",
    ): Figure => ({
      what: `${what}, ${full.pending.toLocaleString("en")} deliveries pending`,
      unit,
      ours: full[key],
      floor: empty[key],
      floorIs: "none pending",
      target: undefined,
    });
    return [
      figure("publish, 1 connection: p99", "ms", "publishP99"),
      figure("start", "ms", "startMs"),
      figure("largest memory", "MB", "megabytes"),
    ];
  },
};
