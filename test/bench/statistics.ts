/** The value that `part` (0 to 1) of the values do not exceed; NaN when there are none. */
export function percentile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const rank = Math.ceil(sorted.length * part) - 1;
  return sorted[Math.max(0, rank)] ?? Number.NaN;
}

/** The middle value, the mean of the middle two of an even number; NaN when there are none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low, high] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  return low === undefined || high === undefined ? Number.NaN : (low + high) / 2;
}

/**
 * Runs all sides in turns, `rounds` times, so that a slow moment of the machine hits them alike; returns what each side
 * gave, in the order of the sides. Every second round goes the other way round, so that no side always follows the other.
 */
export async function inTurns<T>(rounds: number, sides: readonly (() => T | Promise<T>)[]): Promise<T[][]> {
  const found = sides.map((): T[] => []);
  for (let round = 0; round < rounds; round++) {
    const order = [...sides.entries()];
    if (round % 2 === 1) order.reverse();
    for (const [i, side] of order) found[i]?.push(await side());
  }
  return found;
}
