// `bun test/bench/plots.ts [--quick] [--data FILE]`: measures what scales and draws docs/performance-*.svg. With --data,
// the figures are kept in that file; when it is there already, they are drawn again without measuring.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Bench, type Server } from "./bench.ts";
import { Connection, tool, toolCall } from "./load/connection.ts";
import { comparePublish, publishSides } from "./rows/publish.ts";
import { compareReads, QUERIES, readerOn, startSeeded } from "./rows/read.ts";
import { seed } from "./seed.ts";
import { inTurns, median } from "./statistics.ts";
import { type Panel, picture, type Series } from "./svg.ts";

const docs = join(import.meta.dir, "../../docs");
const CONNECTIONS = [1, 2, 4, 8, 16, 32, 64, 128, 256];
const PAGE = toolCall("get_events", { limit: 50 });

type Points = [x: number, y: number][];

interface Data {
  publishRate: Points[];
  readRate: Points[];
  publishMs: Points[];
  readMs: Points[];
}

const transposed = (rows: readonly (readonly [number, number[]])[], sides: number): Points[] =>
  Array.from({ length: sides }, (_, side) => rows.map(([x, ys]) => [x, ys[side] ?? Number.NaN]));

async function throughput(bench: Bench): Promise<Pick<Data, "publishRate" | "readRate">> {
  const effort = bench.quick ? { rounds: 2, ms: 400 } : { rounds: 5, ms: 1_000 };
  const sides = await publishSides(bench);
  const [bus] = sides;
  const publishes: [number, number[]][] = [];
  for (const connections of CONNECTIONS) {
    const both = await comparePublish(bench, sides, { connections, ...effort });
    publishes.push([connections, both.map(({ rate }) => rate)]);
  }
  const port = bus?.server.port ?? 0;
  const route = await startAnswering(bench, port);
  const readers = [
    { port, path: "/mcp" },
    { port: route.port, path: "/read" },
  ];
  const reads: [number, number[]][] = [];
  for (const connections of CONNECTIONS) {
    const results = await inTurns(
      effort.rounds,
      readers.map((side) => () => {
        const job = { task: "closed", bodies: [PAGE], expects: "next_cursor", warmMs: 200 } as const;
        return bench.load({ ...job, ...side, connections, ms: effort.ms });
      }),
    );
    reads.push([connections, results.map((side) => median(side.map(({ rate }) => rate)))]);
  }
  for (const { server } of sides) await server.stop();
  await route.stop();
  return { publishRate: transposed(publishes, 2), readRate: transposed(reads, 2) };
}

async function latency(bench: Bench): Promise<Pick<Data, "publishMs" | "readMs">> {
  const sizes = bench.quick ? [1e3, 1e4, 1e5] : [1e3, 1e4, 1e5, 1e6, 1e7];
  const effort = bench.quick ? { rounds: 3, ms: 200 } : { rounds: 7, ms: 400 };
  const queries = QUERIES.filter(({ what }) => ["resume", "by channel", "by correlation"].includes(what));
  const publishes: [number, number[]][] = [];
  const reads: [number, number[]][] = [];
  for (const size of sizes) {
    const bus = await startSeeded(bench, size);
    const route = await bench.startFloor("route");
    seed(join(route.folder, "floor.db"), size);
    const reader = await readerOn(bus);
    const ms: number[] = [];
    for (const query of queries) ms.push(...(await compareReads(bench, [reader], query, effort)));
    reads.push([size, [...ms, await bareReadMs(bench, bus.port, effort)]]);
    const sides = [
      { server: bus, path: "/mcp" },
      { server: route, path: "/publish" },
    ];
    const both = await comparePublish(bench, sides, { connections: 1, ...effort });
    publishes.push([size, both.map(({ p50 }) => p50)]);
    await Promise.all([bus.stop(), route.stop()]);
    await Bun.$`rm -rf ${bus.folder} ${route.folder}`;
  }
  return { publishMs: transposed(publishes, 2), readMs: transposed(reads, queries.length + 1) };
}

/** A bare route that answers with the bytes of a page of this bus. */
async function startAnswering(bench: Bench, busPort: number): Promise<Server> {
  const connection = await Connection.open(busPort);
  const answer = await connection.call(tool("get_events", { limit: 50 }));
  connection.close();
  const file = join(bench.scratch.folder(), "answer");
  await Bun.write(file, answer.body);
  return bench.startFloor("route", "--answer", file);
}

async function bareReadMs(
  bench: Bench,
  busPort: number,
  { rounds, ms }: { rounds: number; ms: number },
): Promise<number> {
  const route = await startAnswering(bench, busPort);
  const job = { task: "closed", bodies: [PAGE], expects: "next_cursor", warmMs: 50 } as const;
  const results = await inTurns(rounds, [
    () => bench.load({ ...job, port: route.port, path: "/read", connections: 1, ms }),
  ]);
  await route.stop();
  return median((results[0] ?? []).map(({ p50 }) => p50));
}

const series = (names: readonly string[], lines: readonly Points[]): Series[] =>
  lines.map((points, i) => {
    const name = names[i] ?? "";
    return { name, kind: name.startsWith("bare") ? "floor" : "ours", points };
  });

function panels(data: Data): { throughput: Panel[]; latency: Panel[] } {
  const rate = { xLabel: "connections (log axis)", xTicks: CONNECTIONS };
  const stored = { xLabel: "stored events (log axis)", xTicks: data.readMs[0]?.map(([x]) => x) ?? [] };
  return {
    throughput: [
      {
        ...rate,
        title: "Durable publishes",
        yLabel: "publishes per second",
        series: series(["agent-event-bus", "bare route"], data.publishRate),
      },
      {
        ...rate,
        title: "Reads of 50 events",
        yLabel: "reads per second",
        series: series(["agent-event-bus", "bare route, same bytes"], data.readRate),
      },
    ],
    latency: [
      {
        ...stored,
        title: "A durable publish, 1 connection",
        yLabel: "median, ms",
        series: series(["agent-event-bus", "bare route"], data.publishMs),
      },
      {
        ...stored,
        title: "A read of 50 events, 1 connection",
        yLabel: "median, ms",
        series: series(
          ["resume, cursor saved", "by channel", "by correlation", "bare route, same bytes"],
          data.readMs,
        ),
      },
    ],
  };
}

async function measured(quick: boolean): Promise<Data> {
  const bench = new Bench({ quick });
  try {
    return { ...(await throughput(bench)), ...(await latency(bench)) };
  } finally {
    bench.scratch.remove();
  }
}

const { values } = parseArgs({ options: { quick: { type: "boolean" }, data: { type: "string" } } });
const kept = values.data !== undefined && existsSync(values.data);
const data: Data = kept ? await Bun.file(values.data ?? "").json() : await measured(values.quick === true);
if (values.data !== undefined && !kept) await Bun.write(values.data, JSON.stringify(data));
const pictures = panels(data);
await Bun.write(
  join(docs, "performance-throughput.svg"),
  picture(pictures.throughput, "Publishes and reads per second against connections"),
);
await Bun.write(
  join(docs, "performance-latency.svg"),
  picture(pictures.latency, "Time of a publish and of a read against stored events"),
);
process.exit(0);
