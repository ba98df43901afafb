import type { Row } from "../row.ts";
import { processorMs } from "../usage.ts";

const WAITERS = 30;
/** The runtime looks every second whether to collect garbage until nothing has changed for 30 s, then every 30 s. */
const SETTLE_MS = { quick: 20_000, full: 45_000 };

export const cpu: Row = {
  name: "cpu",
  early: true,
  async run(bench, resting) {
    const bus = await bench.startBus();
    const release = await bench.hold({ task: "hold", port: bus.port, waiters: WAITERS, waitSeconds: 300 });
    resting();
    await Bun.sleep(bench.quick ? SETTLE_MS.quick : SETTLE_MS.full);
    const seconds = bench.long ? 600 : bench.quick ? 10 : 20;
    const [began, before] = [performance.now(), processorMs(bus.pid)];
    await Bun.sleep(seconds * 1000);
    const part = (processorMs(bus.pid) - before) / (performance.now() - began);
    await release();
    await bus.stop();
    return [
      {
        what: `processor when idle with ${WAITERS} waiters`,
        unit: "% of a core",
        ours: part * 100,
        floor: undefined,
        floorIs: "",
        target: { of: "ours", most: 0.1 },
        note: bench.long ? "10 minutes" : `${seconds} s; --long measures 10 minutes`,
      },
    ];
  },
};
