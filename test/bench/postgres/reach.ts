import type { Server as Postgres } from "../../support/postgres.ts";
import type { Bench } from "../bench.ts";
import type { Figure } from "../figure.ts";
import { Connection, resultIn, tool, toolCall } from "../load/connection.ts";
import type { Times } from "../load/wake.ts";
import { freePort } from "../ports.ts";
import { BODY } from "../rows/publish.ts";
import { inTurns, median } from "../statistics.ts";
import { portsOf, type Side, startBuses, stopAll } from "./buses.ts";

const WAKE = {
  task: "wake",
  wait: { path: "/mcp", body: toolCall("get_events", { channel: "round-{n}", wait_seconds: 10 }) },
  publish: {
    path: "/mcp",
    body: toolCall("publish_event", { event_type: "bench", payload: "hello", channel: "round-{n}" }),
  },
  pauseMs: 8,
} as const;

/** From a publish at one bus to the answer of a call that waits at another one. */
export async function wakeFigures(bench: Bench, postgres: Postgres): Promise<Figure[]> {
  const here = await bench.startBus();
  const [first, second] = await startBuses(bench, await postgres.database(), 2);
  if (first === undefined || second === undefined) throw new Error("two buses were not started");
  const ports = [{ port: first.port, waitAt: second.port }, { port: here.port }];
  const rounds = bench.quick ? 50 : 200;
  const results = await inTurns(
    bench.quick ? 1 : 5,
    ports.map((at) => (): Promise<Times> => bench.load({ ...WAKE, ...at, rounds })),
  );
  for (const bus of [here, first, second]) await bus.stop();
  const figure = (key: "p50" | "p99", most: number): Figure => {
    const [ours = Number.NaN, floor] = results.map((side) => median(side.map((times) => times[key])));
    return {
      what: `PostgreSQL: publish at one bus to wait_seconds caller at another answered: ${key}`,
      unit: "ms",
      ours,
      floor,
      floorIs: "SQLite, the same bus",
      target: { of: "ours", most },
    };
  };
  return [figure("p50", 10), figure("p99", 30)];
}

/** Deliveries to one webhook while events come as fast as the buses take them. */
export async function webhookFigures(bench: Bench, postgres: Postgres): Promise<Figure[]> {
  const sides: Side[] = [{ name: "SQLite", buses: [await bench.startBus()] }];
  for (const count of [1, 2])
    sides.push({
      name: `PostgreSQL, ${count} bus${count === 1 ? "" : "es"}`,
      buses: await startBuses(bench, await postgres.database(), count),
    });
  const receivers: number[] = [];
  for (const { buses } of sides) {
    const receiver = await freePort();
    const connection = await Connection.open((buses[0] as { port: number }).port);
    const url = `http://127.0.0.1:${receiver}/`;
    resultIn(await connection.call(tool("register_webhook", { url, secret: "bench" })));
    connection.close();
    receivers.push(receiver);
  }
  const results = await inTurns(
    bench.quick ? 1 : 3,
    sides.map((side, i) => () => {
      const job = { task: "flood", path: "/mcp", body: BODY, connections: 16 } as const;
      const count = bench.quick ? 300 : 2_000;
      return bench.load({ ...job, port: portsOf(side), count, receiver: receivers[i] as number });
    }),
  );
  await stopAll(sides);
  const [floor, ...others] = results.map((side) => median(side.map(({ rate }) => rate)));
  return others.map((ours, i) => ({
    what: `${sides[i + 1]?.name}: deliveries to one webhook`,
    unit: "/s",
    ours,
    floor,
    floorIs: "SQLite",
    target: undefined,
  }));
}
