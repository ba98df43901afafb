import { expect, test } from "bun:test";
import { firstWords, MOST_WORDS } from "../../src/lib/first_words.ts";

test("a text begins with its first words, in one line", () => {
  const texts: [text: string, words: string | undefined][] = [
    ["All tests pass.", "All tests pass."],
    ["  All\n\n tests\t\u2028 pass.\r\n", "All tests pass."],
    ["", undefined],
    [" \n ", undefined],
    ["x".repeat(MOST_WORDS), "x".repeat(MOST_WORDS)],
    ["x".repeat(MOST_WORDS + 1), `${"x".repeat(MOST_WORDS - 1)}…`],
    [`${"word ".repeat(23)}last words`, `${"word ".repeat(23)}last…`.slice(0, MOST_WORDS)],
    [`${"y".repeat(MOST_WORDS - 1)} z`, `${"y".repeat(MOST_WORDS - 1)}…`],
    [`${"\n".repeat(10_000)}late`, undefined],
  ];
  for (const [text, words] of texts) expect(firstWords(text)).toBe(words);
});

test("characters are counted, and none is cut in two", () => {
  const words = firstWords("🦖".repeat(500)) ?? "";
  expect(Array.from(words).length).toBe(MOST_WORDS);
  expect(words).toBe(`${"🦖".repeat(MOST_WORDS - 1)}…`);
  expect(Array.from(firstWords("🦖 ".repeat(500)) ?? "").length).toBeLessThanOrEqual(MOST_WORDS);
});
