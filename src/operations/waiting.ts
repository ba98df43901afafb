import type { Call, Waiter } from "../domain/context.ts";

const PROGRESS_MS = 10_000;

/**
 * True at the waiter's next event. False at the deadline (of `performance.now()`), when nobody waits any more, and when the
 * caller's token has ended: what such a caller would read is kept for others.
 */
export async function nextEvent(
  waiter: Waiter,
  call: Call,
  deadline: number,
  seconds: number,
): Promise<boolean> {
  for (;;) {
    const left = deadline - performance.now();
    if (left <= 0 || waiter.over || call.signal.aborted) return false;
    const step = Math.min(left, PROGRESS_MS);
    if (await waiter.next(step, call.signal)) return call.holds();
    // After whole steps only: each value has to be greater than the one before.
    if (step === PROGRESS_MS && !waiter.over)
      call.progress(Math.round(seconds - (deadline - performance.now()) / 1000), seconds);
  }
}
