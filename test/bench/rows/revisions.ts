import { inboxOf } from "../../support/listening.ts";
import { modernRequest } from "../../support/modern.ts";
import type { Bench, Server } from "../bench.ts";
import type { Figure } from "../figure.ts";
import { Connection, resultIn, tool } from "../load/connection.ts";
import type { Row } from "../row.ts";
import { inTurns, median } from "../statistics.ts";
import { processorMs, residentMb } from "../usage.ts";

const STREAMS = 1_000;
const SETTLE_MS = 1_500;
const STREAMING_MS = 3_000;
const MOST_MS = 60_000;

/** Requests in turn, each with its headers. */
interface Requests {
  bodies: string[];
  headers: Record<string, string>[];
  expects: string;
}

/** After the handshake, each request names its revision, and the session that `initialize` gave. The revision demands both. */
const FORMER = { "mcp-protocol-version": "2025-11-25", "mcp-session-id": crypto.randomUUID() };
const INITIALIZE = "initialize";
const NOTE = { event_type: "task_completed", payload: "x".repeat(120), channel: "all" };
const HELLO = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "t", version: "1" } };

function modern(
  expects: string,
  ...requests: [method: string, params?: Record<string, unknown>][]
): Requests {
  const all = requests.map(([method, params]) => modernRequest(method, params));
  return {
    bodies: all.map(({ body }) => JSON.stringify(body)),
    headers: all.map(({ headers }) => headers),
    expects,
  };
}

function former(expects: string, ...requests: { method: string; id?: number; params?: object }[]): Requests {
  return {
    bodies: requests.map((request) => JSON.stringify({ jsonrpc: "2.0", ...request })),
    headers: requests.map(({ method }) => (method === INITIALIZE ? {} : FORMER)),
    expects,
  };
}

const formerCall = (name: string, args: object) => ({
  id: 1,
  method: "tools/call",
  params: { name, arguments: args },
});

/** The same work in both revisions, the newer one first. */
const PAIRS = {
  publish: [
    modern("event_id", ["tools/call", { name: "publish_event", arguments: NOTE }]),
    former("event_id", formerCall("publish_event", NOTE)),
  ],
  "get_events, 50 events": [
    modern("next_cursor", ["tools/call", { name: "get_events", arguments: { limit: 50 } }]),
    former("next_cursor", formerCall("get_events", { limit: 50 })),
  ],
  "a client's start until it has the tools, 2 requests, formerly 3": [
    modern("register_session", ["server/discover"], ["tools/list"]),
    former(
      "register_session",
      { id: 1, method: INITIALIZE, params: HELLO },
      { method: "notifications/initialized" },
      { id: 2, method: "tools/list" },
    ),
  ],
} as const;

/** Processor time of the bus for the work in both revisions (µs), medians over rounds in turns. A busy machine changes it little. */
async function compare(bench: Bench, { port, pid }: Server, pair: readonly Requests[]): Promise<number[]> {
  const [rounds, most] = bench.quick ? [5, 3_000] : [11, 10_000];
  const sides = await inTurns(
    rounds,
    pair.map((requests) => async () => {
      const before = processorMs(pid);
      const job = {
        task: "closed",
        port,
        path: "/mcp",
        ...requests,
        connections: 8,
        warmMs: 0,
        ms: MOST_MS,
        most,
      } as const;
      const { count } = await bench.load(job);
      return ((processorMs(pid) - before) * 1_000) / count;
    }),
  );
  return sides.map(median);
}

async function withListeners(bench: Bench): Promise<Figure> {
  const bus = await bench.startBus();
  const connection = await Connection.open(bus.port);
  const { session_id } = resultIn(await connection.call(tool("register_session", { name: "bench" })));
  connection.close();
  await Bun.sleep(SETTLE_MS);
  const idle = residentMb(bus.pid);
  const job = { task: "listen", port: bus.port, streams: STREAMS, uri: inboxOf(session_id) } as const;
  const release = await bench.hold(job);
  await Bun.sleep(STREAMING_MS);
  const ours = residentMb(bus.pid);
  await release();
  await bus.stop();
  return {
    what: `resident memory with ${STREAMS.toLocaleString("en")} open listen streams`,
    ...{ unit: "MB", ours, floor: idle, floorIs: "idle" },
    target: { of: "more", most: 30 },
  };
}

/** MCP 2026-07-28 next to MCP 2025-11-25, on one bus. */
export const revisions: Row = {
  name: "revisions",
  async run(bench) {
    const bus = await bench.startBus();
    // Before anything counts: both compile what they run often.
    await compare(bench, bus, PAIRS.publish);
    const figures: Figure[] = [];
    for (const [what, pair] of Object.entries(PAIRS)) {
      const [ours = Number.NaN, floor] = await compare(bench, bus, pair);
      figures.push({
        what: `MCP 2026-07-28, processor time: ${what}`,
        ...{ unit: "µs", ours, floor, floorIs: "MCP 2025-11-25" },
        target: { of: "ratio", most: 1.05 },
      });
    }
    await bus.stop();
    return [...figures, await withListeners(bench)];
  },
};
