import type { Row } from "../row.ts";

export const size: Row = {
  name: "size",
  async run(bench) {
    const [program, empty] = await Promise.all([bench.program(), bench.floor("empty")]);
    return [
      {
        what: "size of the executable",
        unit: "MB",
        ours: Bun.file(program).size / 1e6,
        floor: Bun.file(empty).size / 1e6,
        floorIs: "empty program",
        target: { of: "ratio", most: 1.06 },
      },
    ];
  },
};
