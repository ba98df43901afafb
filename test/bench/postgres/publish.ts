import type { Server as Postgres } from "../../support/postgres.ts";
import type { Bench } from "../bench.ts";
import type { Figure } from "../figure.ts";
import type { AppendResult } from "../load/append.ts";
import type { ClosedResult } from "../load/closed.ts";
import { BODY } from "../rows/publish.ts";
import { inTurns, median } from "../statistics.ts";
import { portsOf, type Side, startBuses, stopAll } from "./buses.ts";

const BUSES = [1, 2, 4];
const CONNECTIONS = [1, 16, 64];
/** More buses than processors only share them. With few clients for each bus, each flush of the disk stores few events. */
const WITH_TARGET = { buses: 2, clientsOfEach: 16 };
const LEAST = 0.4;
const LEAST_APPENDS = 15_000;

type Rates = Pick<ClosedResult, "rate" | "p50" | "p99">;

/** Publishes by HTTP: so many buses on one PostgreSQL beside one bus on SQLite. */
export async function publishFigures(bench: Bench, postgres: Postgres): Promise<Figure[]> {
  const sides: Side[] = [{ name: "SQLite", buses: [await bench.startBus()] }];
  for (const count of BUSES)
    sides.push({
      name: `PostgreSQL, ${count} bus${count === 1 ? "" : "es"}`,
      buses: await startBuses(bench, await postgres.database(), count),
    });
  const [rounds, ms] = bench.quick ? [2, 250] : [7, 700];
  // Before anything counts: each bus compiles what runs often.
  await comparePublish(bench, sides, { connections: 16, rounds: 1, ms: 1_500 });
  const figures: Figure[] = [];
  for (const connections of CONNECTIONS) {
    const [floor, ...others] = await comparePublish(bench, sides, { connections, rounds, ms });
    for (const [i, ours] of others.entries())
      figures.push(
        ...figuresOf(`${sides[i + 1]?.name}: publish, durable, ${connections} connection`, {
          ...{ ours, floor: floor as Rates, connections, buses: BUSES[i] as number },
        }),
      );
  }
  await stopAll(sides);
  return figures;
}

function figuresOf(
  begins: string,
  { ours, floor, connections, buses }: { ours: Rates; floor: Rates; connections: number; buses: number },
): Figure[] {
  const what = connections === 1 ? begins : `${begins}s`;
  const hasTarget = buses <= WITH_TARGET.buses && connections / buses >= WITH_TARGET.clientsOfEach;
  const figure = (key: keyof Rates): Figure => ({
    what: `${what}: ${key}`,
    unit: key === "rate" ? "/s" : "ms",
    ours: ours[key],
    floor: floor[key],
    floorIs: "SQLite",
    target: key === "rate" && hasTarget ? { of: "ratio", least: LEAST } : undefined,
  });
  return [figure("rate"), figure("p50"), figure("p99")];
}

/** Medians over rounds in turns. */
export async function comparePublish(
  bench: Bench,
  sides: readonly Side[],
  { connections, rounds, ms }: { connections: number; rounds: number; ms: number },
): Promise<Rates[]> {
  const results = await inTurns(
    rounds,
    sides.map((side) => () => {
      const job = { task: "closed", path: "/mcp", bodies: [BODY], expects: "event_id" } as const;
      return bench.load({ ...job, port: portsOf(side), connections, warmMs: bench.quick ? 100 : 200, ms });
    }),
  );
  return results.map((side) => {
    const of = (key: keyof Rates) => median(side.map((result) => result[key]));
    return { rate: of("rate"), p50: of("p50"), p99: of("p99") };
  });
}

/** Time for the processes to start (ms). */
const STARTS_MS = 1_500;

/** The engine alone, without HTTP: two processes on one database append at the same time. */
export async function appendFigures(bench: Bench, postgres: Postgres): Promise<Figure[]> {
  const [rounds, ms] = bench.quick ? [1, 500] : [5, 1_500];
  const at = await postgres.database();
  const sums: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const job = { task: "append", at, writers: 256, from: Date.now() + STARTS_MS, ms } as const;
    const both: AppendResult[] = await Promise.all([bench.load(job), bench.load(job)]);
    sums.push(both.reduce((sum, { rate }) => sum + rate, 0));
  }
  return [
    {
      what: "PostgreSQL: append, durable, 300 characters, two processes",
      unit: "/s",
      ours: median(sums),
      floor: undefined,
      floorIs: "",
      target: { of: "ours", least: LEAST_APPENDS },
    },
  ];
}
