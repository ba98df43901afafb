import { join } from "node:path";
import type { Bench, Server } from "../bench.ts";
import type { Figure } from "../figure.ts";
import { Connection, resultIn, tool, toolCall } from "../load/connection.ts";
import type { Row } from "../row.ts";
import { seed } from "../seed.ts";
import { inTurns, median } from "../statistics.ts";

const SMALL = 1_000;
const PAGE = 50;

/** A bus on a new database with so many events. */
export async function startSeeded(bench: Bench, events: number): Promise<Server> {
  const empty = await bench.startBus();
  await empty.stop();
  seed(join(empty.folder, "data.db"), events);
  return bench.startBus(empty.folder);
}

export interface Query {
  what: string;
  /** What is sent in each round; only the last is timed. */
  bodies(server: Reader): string[];
}

export interface Reader {
  server: Server;
  sessionId: string;
  /** Where a resume finds PAGE new events. */
  cursor: string;
}

export async function readerOn(server: Server): Promise<Reader> {
  const connection = await Connection.open(server.port);
  const args = { name: "reader", client_id: "reader", machine: "bench", cwd: "/" };
  const { session_id, cursor } = resultIn(await connection.call(tool("register_session", args)));
  connection.close();
  return { server, sessionId: session_id, cursor: String(Number(cursor) - PAGE) };
}

const narrowed = (what: string, filter: object): Query => ({
  what,
  bodies: () => [toolCall("get_events", { limit: PAGE, ...filter })],
});

/** The reads whose cost must not grow with what is stored. */
export const QUERIES: readonly Query[] = [
  {
    what: "resume",
    bodies: ({ sessionId: session_id, cursor }) => [
      toolCall("ack_events", { session_id, cursor, allow_rewind: true }),
      toolCall("get_events", { session_id, resume: true, order: "asc", limit: PAGE }),
    ],
  },
  narrowed("by channel", { channel: "repo:r3" }),
  narrowed("by type", { event_types: ["type-3"] }),
  narrowed("by correlation", { correlation_id: "c3" }),
  narrowed("min_level", { min_level: "actionable" }),
];

/** Median time of one query on each reader, ms. */
export async function compareReads(
  bench: Bench,
  readers: readonly Reader[],
  query: Query,
  { rounds, ms }: { rounds: number; ms: number },
): Promise<number[]> {
  const sides = readers.map((reader) => () => {
    const job = { task: "closed", port: reader.server.port, path: "/mcp", expects: "next_cursor" } as const;
    return bench.load({ ...job, bodies: query.bodies(reader), connections: 1, warmMs: 50, ms });
  });
  const results = await inTurns(rounds, sides);
  return results.map((side) => median(side.map(({ p50 }) => p50)));
}

export const read: Row = {
  name: "read",
  async run(bench) {
    const large = bench.quick ? 100_000 : 1_000_000;
    const servers = [await startSeeded(bench, large), await startSeeded(bench, SMALL)];
    const readers = await Promise.all(servers.map(readerOn));
    const effort = bench.quick ? { rounds: 2, ms: 100 } : { rounds: 5, ms: 250 };
    const figures: Figure[] = [];
    for (const query of QUERIES) {
      const [ours = Number.NaN, floor] = await compareReads(bench, readers, query, effort);
      const what = `get_events, ${PAGE}, ${query.what}: ${large.toLocaleString("en")} events`;
      const floorIs = `at ${SMALL.toLocaleString("en")}`;
      figures.push({ what, unit: "ms", ours, floor, floorIs, target: { of: "ratio", most: 1.3 } });
    }
    figures.push(await rateOfReads(bench, servers[0] as Server));
    for (const server of servers) await server.stop();
    return figures;
  },
};

async function rateOfReads(bench: Bench, bus: Server): Promise<Figure> {
  const body = toolCall("get_events", { limit: PAGE });
  const connection = await Connection.open(bus.port);
  const answer = await connection.call(tool("get_events", { limit: PAGE }));
  connection.close();
  const file = join(bench.scratch.folder(), "answer");
  await Bun.write(file, answer.body);
  const route = await bench.startFloor("route", "--answer", file);
  const sides = [
    { port: bus.port, path: "/mcp" },
    { port: route.port, path: "/read" },
  ];
  const [rounds, ms] = bench.quick ? [2, 300] : [5, 800];
  const results = await inTurns(
    rounds,
    sides.map((side) => () => {
      const job = { task: "closed", bodies: [body], expects: "next_cursor", connections: 16 } as const;
      return bench.load({ ...job, ...side, warmMs: bench.quick ? 100 : 200, ms });
    }),
  );
  await route.stop();
  const [ours = Number.NaN, floor] = results.map((side) => median(side.map(({ rate }) => rate)));
  const what = `get_events, ${PAGE} events, 16 connections`;
  return {
    what,
    unit: "/s",
    ours,
    floor,
    floorIs: "bare route, same bytes",
    target: { of: "ratio", least: 0.4 },
  };
}
