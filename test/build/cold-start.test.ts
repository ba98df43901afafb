import { expect, test } from "bun:test";
import { measureColdStart, TARGET } from "../bench/cold-start.ts";

const TRIES = 8;

test("a command starts in less than twice the time of an empty program", async () => {
  let ratio = Number.POSITIVE_INFINITY;
  // A busy machine can spoil some measurements, hardly eight.
  for (let i = 0; i < TRIES && ratio >= TARGET; i++) {
    const results = await measureColdStart(30);
    ratio = results.find(({ command }) => command === "--help")?.ratio ?? ratio;
  }
  expect(ratio).toBeLessThan(TARGET);
});
