import { join } from "node:path";
import type { Row } from "../row.ts";

/** No target: what SQLite alone takes of the figures above. */
export const sqlite: Row = {
  name: "sqlite",
  async run(bench) {
    const path = join(bench.scratch.folder(), "loop.db");
    const child = bench.scratch.spawn([await bench.floor("sqlite"), path, bench.quick ? "200" : "1000"]);
    const { insertMs, readMs } = JSON.parse(await new Response(child.stdout).text());
    const figure = (what: string, ours: number) => ({
      what,
      unit: "ms" as const,
      ours,
      floor: undefined,
      floorIs: "",
      target: undefined,
    });
    return [
      figure("bun:sqlite in a loop: one durable INSERT", insertMs),
      figure("bun:sqlite in a loop: fifty rows read", readMs),
    ];
  },
};
