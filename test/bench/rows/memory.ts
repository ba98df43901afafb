import type { Bench, Server } from "../bench.ts";
import type { Figure } from "../figure.ts";
import type { Row } from "../row.ts";
import { peakMb, residentMb } from "../usage.ts";
import { BODY } from "./publish.ts";

const SETTLE_MS = 1_500;
const REST_MS = { quick: 15_000, full: 20_000 };
const STREAMS = 200;
/** The bus makes a stream of a call that waits longer than 5 s. */
const STREAMING_MS = 6_000;
const MOST_MS = 150_000;

export const memory: Row = {
  name: "memory",
  async run(bench, resting) {
    const [bus, empty] = await Promise.all([bench.startBus(), bench.startFloor("elysia")]);
    await Bun.sleep(SETTLE_MS);
    const [idle, floor] = [residentMb(bus.pid), residentMb(empty.pid)];
    await empty.stop();
    const figures: Figure[] = [
      {
        what: "resident memory, idle",
        unit: "MB",
        ours: idle,
        floor,
        floorIs: "empty Elysia",
        target: { of: "ratio", most: 1.6 },
      },
    ];
    const rested = publishes(bench, bus).then((count) => {
      resting();
      return afterRest(bench, bus, idle, count);
    });
    figures.push(...(await Promise.all([rested, withStreams(bench)])));
    await bus.stop();
    return figures;
  },
};

async function publishes(bench: Bench, bus: Server): Promise<number> {
  const most = bench.quick ? 30_000 : 1_000_000;
  const job = { task: "closed", port: bus.port, path: "/mcp", bodies: [BODY], expects: "event_id" } as const;
  const { count } = await bench.load({ ...job, connections: 64, warmMs: 0, ms: MOST_MS, most });
  return count;
}

async function afterRest(bench: Bench, bus: Server, idle: number, count: number): Promise<Figure> {
  // The runtime gives back what it does not need within seconds of rest.
  const restMs = bench.quick ? REST_MS.quick : REST_MS.full;
  await Bun.sleep(restMs);
  return {
    what: `resident memory after ${count.toLocaleString("en")} publishes`,
    unit: "MB",
    ours: residentMb(bus.pid),
    floor: idle,
    floorIs: "idle",
    target: { of: "more", most: 20 },
    note: `${restMs / 1000} s later; ${peakMb(bus.pid).toFixed(0)} MB at most`,
  };
}

async function withStreams(bench: Bench): Promise<Figure> {
  const bus = await bench.startBus();
  await Bun.sleep(SETTLE_MS);
  const idle = residentMb(bus.pid);
  const release = await bench.hold({ task: "hold", port: bus.port, waiters: STREAMS, waitSeconds: 60 });
  await Bun.sleep(STREAMING_MS);
  const ours = residentMb(bus.pid);
  await release();
  await bus.stop();
  return {
    what: `resident memory with ${STREAMS} open push streams`,
    unit: "MB",
    ours,
    floor: idle,
    floorIs: "idle",
    target: { of: "more", most: 30 },
  };
}
