import { join } from "node:path";
import type { Bench } from "../bench.ts";
import type { Figure } from "../figure.ts";
import { freePort } from "../ports.ts";
import type { Row } from "../row.ts";
import { seed } from "../seed.ts";
import { inTurns, median } from "../statistics.ts";

const PATIENCE_MS = 20_000;

/** From the start of the process to the first 200 of /health, ms. */
async function startMs(
  bench: Bench,
  command: string[],
  env: Record<string, string>,
  port: number,
): Promise<number> {
  const began = performance.now();
  const child = bench.scratch.spawn(command, { env });
  try {
    for (;;) {
      const response = await fetch(`http://127.0.0.1:${port}/health`, { keepalive: false }).catch(() => null);
      const ms = performance.now() - began;
      if (response?.status === 200) return ms;
      if (ms > PATIENCE_MS) throw new Error(`${command[0]} did not start within ${PATIENCE_MS} ms`);
      await Bun.sleep(0.5);
    }
  } finally {
    child.kill();
    await child.exited;
  }
}

export const start: Row = {
  name: "start",
  async run(bench) {
    const events = bench.quick ? 100_000 : 1_000_000;
    const bus = await bench.startBus();
    await bus.stop();
    const db = join(bus.folder, "data.db");
    seed(db, events);
    const [program, elysia] = await Promise.all([bench.program(), bench.floor("elysia")]);
    const env = { HOME: bus.folder, AGENT_EVENT_BUS_LOG: join(bus.folder, "bus.log") };
    const sides = [
      async () => {
        const port = await freePort();
        return startMs(bench, [program, "serve", "--port", String(port), "--db", db], env, port);
      },
      async () => {
        const port = await freePort();
        return startMs(bench, [elysia, String(port)], {}, port);
      },
    ];
    const times = await inTurns(bench.quick ? 5 : 15, sides);
    const [ours = Number.NaN, floor] = times.map(median);
    const figure: Figure = {
      what: `start to /health, ${events.toLocaleString("en")} events`,
      unit: "ms",
      ours,
      floor,
      floorIs: "empty Elysia",
      // A file under 200 MB is checked whole.
      target: bench.quick ? undefined : { of: "ours", most: 100 },
      note: `file of ${Math.round(Bun.file(db).size / 1e6)} MB`,
    };
    return [figure];
  },
};
