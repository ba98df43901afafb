/** A whole number from 0 up to and without `below`. */
export type Random = (below: number) => number;

/** Mulberry32: the same numbers for the same seed. */
export function random(seed: number): Random {
  let state = seed | 0;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

export function pick<T>(next: Random, from: readonly T[]): T {
  return from[next(from.length)] as T;
}

/** Text that a careless program trips over. */
export const STRINGS = [
  ...["", "all", "session:", "session:x", "0", "-1", "9".repeat(40), "null", "🦕", "a\nb", "x".repeat(300)],
  ...["\u0000", "a\u0000b", "\ufeff", "\ud800", "\udfff\ud800", "\u202e", "\x1b[2J"],
  ...[
    "'); DROP TABLE events;--",
    '" OR 1=1 --',
    "%' OR '1'='1",
    "x'; ATTACH '/tmp/x' AS y;--",
    "%s%n{}{{7*7}}",
  ],
  ...["__proto__", "constructor", "prototype", "toString", "../../etc/passwd", "<!--", "\\u0000"],
];

const KEYS = [
  "__proto__",
  "constructor",
  "id",
  "jsonrpc",
  "params",
  "_meta",
  "",
  "a.b",
  "toString",
  "length",
];

export function key(next: Random): string {
  return pick(next, KEYS);
}

/** Any JSON value, a few levels deep. */
export function value(next: Random, depth = 0): unknown {
  const kind = next(depth > 3 ? 6 : 9);
  if (kind < 3) return pick(next, STRINGS);
  if (kind === 3) return pick(next, [null, true, false]);
  if (kind === 4) return next(2_000) - 1_000;
  if (kind === 5) return pick(next, [0.5, 1e21, -1e300, 2 ** 53, -0]);
  if (kind === 6) return Array.from({ length: next(4) }, () => value(next, depth + 1));
  return Object.fromEntries(Array.from({ length: next(4) }, () => [key(next), value(next, depth + 1)]));
}
