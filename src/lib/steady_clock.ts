/**
 * Time for delays: it goes on evenly whatever happens to the wall clock, and reads like the wall clock at the start.
 * `speed` above 1 lets days pass in seconds, for tests.
 */
export interface Clock {
  /** Wall clock, ms: what receivers and people are shown. */
  wall(): number;
  /** Steady, ms: what waits are measured with. */
  steady(): number;
  /** Real ms until the steady time. */
  until(steady: number): number;
}

export function createClock(
  wall: () => number = Date.now,
  speed = 1,
  monotonic: () => number = () => performance.now(),
): Clock {
  const began = { wall: wall(), monotonic: monotonic() };
  const steady = () => Math.round(began.wall + (monotonic() - began.monotonic) * speed);
  return { wall, steady, until: (time) => (time - steady()) / speed };
}
