/**
 * Edits that turn one text into the other (Levenshtein), where two swapped neighbours count as one. Infinity as soon as more
 * than `most` are certain.
 */
export function editDistance(a: string, b: string, most = Math.max(a.length, b.length)): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  let lastLeast = 0;
  for (let i = 1; i <= a.length; i++) {
    const row = new Array<number>(b.length + 1).fill(Number.POSITIVE_INFINITY);
    row[0] = i;
    let least = i;
    // So few edits lead to no place further from the diagonal.
    const end = Math.min(b.length, i + most);
    for (let j = Math.max(1, i - most); j <= end; j++) {
      const same = a[i - 1] === b[j - 1];
      let best = Math.min(at(last, j) + 1, at(row, j - 1) + 1, at(last, j - 1) + (same ? 0 : 1));
      if (!same && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        best = Math.min(best, at(before, j - 2) + 1);
      row[j] = best;
      least = Math.min(least, best);
    }
    if (least > most && lastLeast > most) return Number.POSITIVE_INFINITY;
    [before, last, lastLeast] = [last, row, least];
  }
  return at(last, b.length);
}

const at = (row: readonly number[], j: number) => row[j] ?? Number.POSITIVE_INFINITY;
