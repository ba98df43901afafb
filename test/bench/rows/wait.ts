import { toolCall } from "../load/connection.ts";
import type { Row } from "../row.ts";
import { inTurns, median } from "../statistics.ts";
import { BODY } from "./publish.ts";

export const wait: Row = {
  name: "wait",
  async run(bench) {
    const [bus, route] = await Promise.all([bench.startBus(), bench.startFloor("route")]);
    const rounds = bench.quick ? 50 : 200;
    const ours = {
      port: bus.port,
      wait: { path: "/mcp", body: toolCall("get_events", { channel: "round-{n}", wait_seconds: 10 }) },
      publish: {
        path: "/mcp",
        body: toolCall("publish_event", { event_type: "bench", payload: "hello", channel: "round-{n}" }),
      },
    };
    const floor = {
      port: route.port,
      wait: { path: "/wait", body: BODY },
      publish: { path: "/publish", body: BODY },
    };
    const results = await inTurns(
      3,
      [ours, floor].map((side) => () => bench.load({ task: "wake", ...side, rounds, pauseMs: 4 })),
    );
    await Promise.all([bus.stop(), route.stop()]);
    const [oursMs = Number.NaN, floorMs] = results.map((side) => median(side.map(({ p99 }) => p99)));
    return [
      {
        what: "publish to wait_seconds caller answered: p99",
        unit: "ms",
        ours: oursMs,
        floor: floorMs,
        floorIs: "bare route",
        target: { of: "ours", most: 5 },
      },
    ];
  },
};
