import { join } from "node:path";
import { openTokens } from "../../../src/tokens/token_files.ts";
import type { Figure } from "../figure.ts";
import type { Row } from "../row.ts";
import { inTurns, median } from "../statistics.ts";

const PAGES = 10;

/** Publishing while pages are open, next to the same load without. */
export const pages: Row = {
  name: "pages",
  async run(bench) {
    const bus = await bench.startBus();
    const token =
      openTokens(join(bus.folder, "data.db"), Date.now).create("page", "answer", null)?.secret ?? "";
    const [rounds, ms] = bench.quick ? [2, 1_500] : [4, 5_000];
    const load = () => bench.load({ task: "mixed", port: bus.port, sessions: 30, pollers: 10, ms });
    const watched = async () => {
      const release = await bench.hold({ task: "pages", port: bus.port, token, pages: PAGES });
      const result = await load();
      await release();
      return result;
    };
    await load();
    const [alone = [], beside = []] = await inTurns(rounds, [load, watched]);
    await bus.stop();
    const figure = (of: "p50" | "p99", most: number): Figure => ({
      what: `publish with ${PAGES} pages open: ${of}`,
      unit: "ms",
      ours: median(beside.map(({ busy }) => busy.publish[of])),
      floor: median(alone.map(({ busy }) => busy.publish[of])),
      floorIs: "no page open",
      target: { of: "ratio", most },
    });
    return [figure("p50", 1.5), figure("p99", 2)];
  },
};
