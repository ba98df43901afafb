const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** Waits before each further attempt of a delivery (ms): 13 attempts over about three days. */
export const WAITS: readonly number[] = [
  0.5 * SECOND,
  1 * SECOND,
  5 * SECOND,
  30 * SECOND,
  5 * MINUTE,
  30 * MINUTE,
  2 * HOUR,
  5 * HOUR,
  10 * HOUR,
  14 * HOUR,
  20 * HOUR,
  20 * HOUR,
];

export const MOST_ATTEMPTS = WAITS.length + 1;

const JITTER = 0.2;
const MOST_RETRY_AFTER = 24 * HOUR;

/** Age at which a pending delivery expires (ms). Longer than the whole schedule with its jitter. */
export const EXPIRE_MS = 96 * HOUR;
/** Time without one success after which a webhook is paused (ms). */
export const GIVE_UP_MS = 72 * HOUR;
/** Time for which finished deliveries stay visible (ms). */
export const KEEP_MS = 7 * 24 * HOUR;
/** Time for which both secrets sign after a rotation (ms). */
export const ROTATION_MS = 24 * HOUR;

/**
 * The wait after the given number of attempts (ms): the schedule ± 20 %, or a longer Retry-After of at most 24 h. Null if no attempt is left.
 */
export function waitAfter(attempts: number, random: number, retryAfterMs = 0): number | null {
  const wait = WAITS[attempts - 1];
  if (wait === undefined) return null;
  return Math.round(Math.max(wait * (1 - JITTER + 2 * JITTER * random), heldFor(retryAfterMs)));
}

/** The part of a receiver's Retry-After that is honoured: at most 24 h (ms). */
export function heldFor(retryAfterMs: number): number {
  return Math.min(retryAfterMs, MOST_RETRY_AFTER);
}

/** The longest wait possible after the given number of attempts (ms). `asked`: the receiver may have set it. */
export function longestWait(attempts: number, asked: boolean): number {
  return Math.max((WAITS[attempts - 1] ?? 0) * (1 + JITTER), asked ? MOST_RETRY_AFTER : 0);
}

/** Reads a Retry-After header (RFC 9110, 10.2.3) as ms from `now`. 0 if it is missing or malformed. */
export function retryAfterMs(header: string | undefined, now: number): number {
  if (header === undefined) return 0;
  if (/^\d{1,9}$/.test(header.trim())) return Number(header.trim()) * SECOND;
  const date = Date.parse(header);
  return Number.isNaN(date) ? 0 : Math.max(0, date - now);
}
