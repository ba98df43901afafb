/** Time for delays. Changes of the wall clock do not affect it. */
export interface Clock {
  /** Wall clock (ms), for receivers and users. */
  wall(): number;
  /** Steady time (ms), for waits. Equals the wall clock at the start. */
  steady(): number;
  /** Real time until a steady time (ms). */
  until(steady: number): number;
}

/** `speed` above 1 lets days pass in seconds, for tests. */
export function createClock(
  wall: () => number = Date.now,
  speed = 1,
  monotonic: () => number = () => performance.now(),
): Clock {
  const began = { wall: wall(), monotonic: monotonic() };
  const steady = () => Math.round(began.wall + (monotonic() - began.monotonic) * speed);
  return { wall, steady, until: (time) => (time - steady()) / speed };
}
