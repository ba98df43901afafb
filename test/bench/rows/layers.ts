import type { Server } from "../bench.ts";
import type { Figure } from "../figure.ts";
import { toolCall } from "../load/connection.ts";
import type { Row } from "../row.ts";
import { inTurns, median } from "../statistics.ts";
import { processorMs } from "../usage.ts";
import { BODY } from "./publish.ts";

const CONNECTIONS = 64;

/** Each does all that the one before does, and one thing more. */
const STEPS = [
  { what: "guard and a refused body: no JSON", body: "{", expects: "Parse error", status: 400 },
  {
    what: "and the SDK: ping",
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "ping" }),
    expects: "result",
  },
  { what: "a tool in place of it: list_webhooks", body: toolCall("list_webhooks"), expects: "result" },
  { what: "and a durable INSERT: publish_event", body: BODY, expects: "event_id" },
];

/** No target: where the processor's time of a call goes, by calls that get further each. */
export const layers: Row = {
  name: "layers",
  further: true,
  async run(bench) {
    const [bus, route] = await Promise.all([bench.startBus(), bench.startFloor("route")]);
    const steps = [
      {
        server: route,
        path: "/read",
        what: "bare route: body parsed, nothing done",
        body: BODY,
        expects: "",
      },
      { server: route, path: "/publish", what: "bare route: INSERT", body: BODY, expects: "event_id" },
      ...STEPS.map((step) => ({ ...step, server: bus, path: "/mcp" })),
    ];
    const times = await inTurns(
      bench.quick ? 3 : 6,
      steps.map(
        ({ server, path, ...job }) =>
          () =>
            microseconds(server, path, job),
      ),
    );
    await Promise.all([bus.stop(), route.stop()]);
    return steps.map(({ what }, i): Figure => {
      const ours = median((times[i] ?? []).slice(1));
      return {
        what: `processor for ${what}`,
        unit: "µs",
        ours,
        floor: undefined,
        floorIs: "",
        target: undefined,
      };
    });

    async function microseconds(
      server: Server,
      path: string,
      { body, expects, status = 200 }: { body: string; expects: string; status?: number },
    ): Promise<number> {
      const before = processorMs(server.pid);
      const job = { task: "closed", port: server.port, path, bodies: [body], expects, status } as const;
      const { count } = await bench.load({ ...job, connections: CONNECTIONS, warmMs: 0, ms: 600 });
      return ((processorMs(server.pid) - before) / count) * 1000;
    }
  },
};
