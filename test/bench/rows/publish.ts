import type { Bench, Server } from "../bench.ts";
import type { Figure, Target } from "../figure.ts";
import type { ClosedResult } from "../load/closed.ts";
import { toolCall } from "../load/connection.ts";
import type { Row } from "../row.ts";
import { inTurns, median } from "../statistics.ts";

export const BODY = toolCall("publish_event", {
  event_type: "task_completed",
  payload: "x".repeat(120),
  channel: "all",
});

/** The bus and the bare route, each on a database of its own. */
export async function publishSides(bench: Bench): Promise<{ server: Server; path: string }[]> {
  const [ours, floor] = await Promise.all([bench.startBus(), bench.startFloor("route")]);
  return [
    { server: ours, path: "/mcp" },
    { server: floor, path: "/publish" },
  ];
}

/** What both sides give at so many connections, medians over rounds in turns. */
export async function comparePublish(
  bench: Bench,
  sides: readonly { server: Server; path: string }[],
  { connections, rounds, ms }: { connections: number; rounds: number; ms: number },
): Promise<Pick<ClosedResult, "rate" | "p50" | "p99">[]> {
  const results = await inTurns(
    rounds,
    sides.map(({ server: { port }, path }) => () => {
      const job = { task: "closed", port, path, bodies: [BODY], expects: "event_id" } as const;
      return bench.load({ ...job, connections, warmMs: bench.quick ? 100 : 200, ms });
    }),
  );
  return results.map((side) => {
    const of = (key: "rate" | "p50" | "p99") => median(side.map((result) => result[key]));
    return { rate: of("rate"), p50: of("p50"), p99: of("p99") };
  });
}

const LEAST = new Map([
  [16, 0.7],
  [64, 0.5],
]);

export const publish: Row = {
  name: "publish",
  async run(bench) {
    const sides = await publishSides(bench);
    const [rounds, ms] = bench.quick ? [2, 250] : [5, 700];
    // Before anything counts: both compile what they run often.
    await comparePublish(bench, sides, { connections: 16, rounds: 1, ms: 1_000 });
    const figures: Figure[] = [];
    const add = (what: string, unit: "ms" | "/s", values: (number | undefined)[], target: Target) => {
      const [ours = Number.NaN, floor] = values;
      figures.push({ what, unit, ours, floor, floorIs: "bare route", target });
    };
    for (const connections of [1, 16, 64]) {
      const both = await comparePublish(bench, sides, { connections, rounds, ms });
      const of = (key: "rate" | "p50" | "p99") => both.map((side) => side[key]);
      const what = `publish, durable, ${connections} connection${connections === 1 ? "" : "s"}`;
      const least = LEAST.get(connections);
      if (least === undefined) add(`${what}: p50`, "ms", of("p50"), { of: "ratio", most: 1.3 });
      else {
        add(`${what}: rate`, "/s", of("rate"), { of: "ratio", least });
        add(`${what}: p99`, "ms", of("p99"), { of: "ratio", most: 3 });
      }
    }
    for (const { server } of sides) await server.stop();
    return figures;
  },
};
