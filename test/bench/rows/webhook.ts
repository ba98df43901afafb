import { Connection, resultIn, tool, toolCall } from "../load/connection.ts";
import { freePort } from "../ports.ts";
import type { Row } from "../row.ts";
import { inTurns, median } from "../statistics.ts";

export const webhook: Row = {
  name: "webhook",
  async run(bench) {
    const [oursAt, floorAt] = [await freePort(), await freePort()];
    const url = (port: number) => `http://127.0.0.1:${port}/`;
    const [bus, route] = await Promise.all([
      bench.startBus(),
      bench.startFloor("route", "--webhook", url(floorAt)),
    ]);
    const connection = await Connection.open(bus.port);
    resultIn(await connection.call(tool("register_webhook", { url: url(oursAt), secret: "bench" })));
    connection.close();
    const body = toolCall("publish_event", { event_type: "bench", payload: "round {n}" });
    const sides = [
      { port: bus.port, path: "/mcp", receiver: oursAt },
      { port: route.port, path: "/publish", receiver: floorAt },
    ];
    const [turns, rounds] = bench.quick ? [2, 40] : [3, 200];
    const results = await inTurns(
      turns,
      sides.map((side) => () => bench.load({ task: "webhook", ...side, body, warm: 10, rounds, pauseMs: 5 })),
    );
    await Promise.all([bus.stop(), route.stop()]);
    const [ours = Number.NaN, floor] = results.map((side) => median(side.map(({ p99 }) => p99)));
    return [
      {
        what: "publish to webhook received: p99",
        unit: "ms",
        ours,
        floor,
        floorIs: "bare route, unsigned fetch",
        target: { of: "ours", most: 10 },
      },
    ];
  },
};
