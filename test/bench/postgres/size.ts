import type { Server as Postgres } from "../../support/postgres.ts";
import type { Bench } from "../bench.ts";
import type { Figure } from "../figure.ts";
import { compareReads, QUERIES, readerOn } from "../rows/read.ts";
import { type Side, startSeededOn, stopAll } from "./buses.ts";
import { comparePublish } from "./publish.ts";

const SMALL = 1_000;

/** The cost of publishes and reads must not grow with what is stored. */
export async function sizeFigures(bench: Bench, postgres: Postgres): Promise<Figure[]> {
  const large = bench.quick ? 100_000 : 1_000_000;
  const [full, empty] = [
    await startSeededOn(postgres, bench, large),
    await startSeededOn(postgres, bench, SMALL),
  ];
  const sides: Side[] = [full, empty].map((bus) => ({ name: "", buses: [bus] }));
  const readers = [await readerOn(full), await readerOn(empty)];
  const figures: Figure[] = [];
  const add = (what: string, unit: "ms" | "/s", [ours = Number.NaN, floor]: readonly number[]) =>
    figures.push({
      what: `PostgreSQL: ${what}: ${large.toLocaleString("en")} events`,
      ...{ unit, ours, floor },
      floorIs: `at ${SMALL.toLocaleString("en")}`,
      target: unit === "ms" ? { of: "ratio", most: 1.3 } : { of: "ratio", least: 0.8 },
    });
  const effort = bench.quick ? { rounds: 2, ms: 100 } : { rounds: 5, ms: 250 };
  for (const query of QUERIES)
    add(`get_events, 50, ${query.what}`, "ms", await compareReads(bench, readers, query, effort));
  const turns = bench.quick ? { rounds: 2, ms: 250 } : { rounds: 7, ms: 700 };
  await comparePublish(bench, sides, { connections: 64, rounds: 1, ms: 1_500 });
  const rates = await comparePublish(bench, sides, { connections: 64, ...turns });
  add(
    "publish, durable, 64 connections: rate",
    "/s",
    rates.map(({ rate }) => rate),
  );
  await stopAll(sides);
  return figures;
}
