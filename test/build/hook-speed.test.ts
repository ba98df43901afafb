import { expect, test } from "bun:test";
import { measureHook, TARGET } from "../bench/hook.ts";

const TRIES = 8;
const skipped = Bun.which("curl") === null;
if (skipped) console.log("skipped: no curl");

// The bench holds the target; a machine with other work moves both sides by more than lies between them.
const ROOM = 1.25;

test.skipIf(skipped)("hook prompt is about as quick as curl posting the same request", async () => {
  let best = { ratio: Number.POSITIVE_INFINITY, hookMs: 0, curlMs: 0 };
  // A busy machine can spoil some measurements, hardly eight.
  for (let i = 0; i < TRIES && best.ratio > TARGET; i++) {
    const times = await measureHook(30);
    if (times.ratio < best.ratio) best = times;
  }
  const { ratio, hookMs, curlMs } = best;
  console.log(
    `hook prompt / curl: ${ratio.toFixed(2)} (${hookMs.toFixed(1)} ms to ${curlMs.toFixed(1)} ms, target ${TARGET.toFixed(2)})`,
  );
  expect(ratio).toBeLessThan(TARGET * ROOM);
});
