import { expect, test } from "bun:test";
import { Bench } from "../bench/bench.ts";
import { startPairs, timePairs } from "../bench/rows/commands.ts";
import { binary } from "../support/binary.ts";

const TRIES = 8;
// The bench holds the target; a machine with other work moves both sides by more than lies between them.
const ROOM = 2;

test("a command starts in less than twice the time of an empty program", async () => {
  const bench = new Bench({ program: binary });
  try {
    const pairs = (await startPairs(bench)).slice(0, 1);
    let ratio = Number.POSITIVE_INFINITY;
    // A busy machine can spoil some measurements, hardly eight.
    for (let i = 0; i < TRIES && ratio >= ROOM; i++) {
      const [times] = await timePairs(30, pairs);
      if (times !== undefined) ratio = Math.min(ratio, times.ours / times.floor);
    }
    expect(ratio).toBeLessThan(ROOM);
  } finally {
    bench.scratch.remove();
  }
});
