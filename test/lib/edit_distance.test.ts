import { expect, test } from "bun:test";
import { editDistance } from "../../src/lib/edit_distance.ts";

const PAIRS: readonly [a: string, b: string, edits: number][] = [
  ["", "", 0],
  ["web", "web", 0],
  ["web", "", 3],
  ["web", "wbe", 1],
  ["web", "we", 1],
  ["web", "webs", 1],
  ["web", "wet", 1],
  ["kitten", "sitting", 3],
  ["webshop", "wesbhpo", 2],
  ["abcdef", "fedcba", 5],
];

test.each(PAIRS)("%p and %p are %d edits apart, in both directions", (a, b, edits) => {
  expect([editDistance(a, b), editDistance(b, a)]).toEqual([edits, edits]);
});

test.each(PAIRS)("a bound changes nothing for %p and %p within it", (a, b, edits) => {
  for (let most = 0; most < 8; most++) {
    const found = editDistance(a, b, most);
    expect(found === edits || (found === Number.POSITIVE_INFINITY && edits > most)).toBe(true);
  }
  const far = editDistance("x".repeat(40), "y".repeat(40), 2);
  expect(far).toBe(Number.POSITIVE_INFINITY);
});
