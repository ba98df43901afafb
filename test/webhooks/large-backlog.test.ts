import { expect, test } from "bun:test";
import { Bench } from "../bench/bench.ts";
import { describeOutbox, measureOutbox } from "../bench/rows/outbox.ts";
import { binary } from "../support/binary.ts";

test("a backlog of 90,000 deliveries costs no memory, and is sent", async () => {
  const bench = new Bench({ program: binary });
  const [empty, full] = [await measureOutbox(bench, 0), await measureOutbox(bench, 90_000)];
  bench.scratch.remove();
  console.log([empty, full].map(describeOutbox).join("\n"));
  if (process.platform === "linux") expect(full.megabytes).toBeLessThan(200);
  expect(full.drained).toBeGreaterThan(0);
}, 120_000);
