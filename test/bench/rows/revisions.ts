import { inboxOf } from "../../support/listening.ts";
import { modernRequest } from "../../support/modern.ts";
import type { Bench, Server } from "../bench.ts";
import type { Figure } from "../figure.ts";
import { Connection, resultIn, tool, toolCall } from "../load/connection.ts";
import type { Row } from "../row.ts";
import { inTurns, median } from "../statistics.ts";
import { residentMb } from "../usage.ts";

const STREAMS = 1_000;
const SETTLE_MS = 1_500;
const STREAMING_MS = 3_000;

/** Requests in turn, each with its headers. */
interface Requests {
  bodies: string[];
  headers: Record<string, string>[];
  expects: string;
}

const FORMER = { "mcp-protocol-version": "2025-11-25" };
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

function former(expects: string, ...bodies: (string | object)[]): Requests {
  const texts = bodies.map((body) =>
    typeof body === "string" ? body : JSON.stringify({ jsonrpc: "2.0", ...body }),
  );
  return { bodies: texts, headers: texts.map(() => FORMER), expects };
}

/** The same work in both revisions, the newer one first. */
const PAIRS = {
  publish: [
    modern("event_id", ["tools/call", { name: "publish_event", arguments: NOTE }]),
    former("event_id", toolCall("publish_event", NOTE)),
  ],
  read: [
    modern("next_cursor", ["tools/call", { name: "get_events", arguments: { limit: 50 } }]),
    former("next_cursor", toolCall("get_events", { limit: 50 })),
  ],
  start: [
    modern("register_session", ["server/discover"], ["tools/list"]),
    former(
      "register_session",
      { id: 1, method: "initialize", params: HELLO },
      { method: "notifications/initialized" },
      { id: 2, method: "tools/list" },
    ),
  ],
} as const;

/** Rates of both revisions, medians over rounds in turns. */
async function compare(bench: Bench, { port }: Server, pair: readonly Requests[], connections: number) {
  const [rounds, ms] = bench.quick ? [3, 400] : [7, 1_000];
  const sides = await inTurns(
    rounds,
    pair.map(({ bodies, headers, expects }) => () => {
      const job = { task: "closed", port, path: "/mcp", bodies, headers, expects, connections } as const;
      return bench.load({ ...job, warmMs: 100, ms });
    }),
  );
  return sides.map((side) => median(side.map(({ rate }) => rate)));
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
    const floorIs = "MCP 2025-11-25";
    await compare(bench, bus, PAIRS.publish, 16);
    const rate = async (what: string, pair: readonly Requests[], connections: number): Promise<Figure> => {
      const [ours = Number.NaN, floor] = await compare(bench, bus, pair, connections);
      return {
        what: `MCP 2026-07-28, ${what}`,
        unit: "/s",
        ours,
        floor,
        floorIs,
        target: { of: "ratio", least: 0.95 },
      };
    };
    const figures = [
      await rate("publish, 16 connections", PAIRS.publish, 16),
      await rate("get_events, 50 events, 16 connections", PAIRS.read, 16),
    ];
    const [ours = Number.NaN, floor = Number.NaN] = (await compare(bench, bus, PAIRS.start, 1)).map(
      (perS) => 1_000 / perS,
    );
    figures.push({
      what: "MCP 2026-07-28, a client's start until it has the tools (2 requests, formerly 3)",
      ...{ unit: "ms", ours, floor, floorIs },
      target: { of: "ratio", most: 0.8 },
    });
    await bus.stop();
    return [...figures, await withListeners(bench)];
  },
};
