import type { CliCommand } from "./commands.ts";

/**
 * The known word that a mistyped one most likely means. Undefined if no word is near. One of `commands` that adds something
 * must be a single edit away. One that changes what is there is never proposed.
 */
export function suggestion(
  word: string,
  known: readonly string[],
  commands: readonly Pick<CliCommand, "name" | "effect">[] = [],
): string | undefined {
  const near = known
    .map((candidate) => ({ candidate, distance: distance(word, candidate) }))
    .sort((a, b) => a.distance - b.distance)[0];
  if (near === undefined) return undefined;
  const effect = commands.find(({ name }) => name === near.candidate)?.effect ?? "reads";
  const most = { reads: Math.max(1, Math.floor(word.length / 3)), adds: 1, changes: -1 }[effect];
  return near.distance <= most ? near.candidate : undefined;
}

// Levenshtein, where two swapped neighbours count as one edit.
function distance(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let best = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        best = Math.min(best, (before[j - 2] ?? 0) + 1);
      row.push(best);
    }
    before = last;
    last = row;
  }
  return last[b.length] ?? 0;
}
