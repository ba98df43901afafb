import { expect, test } from "bun:test";
import { visible, visibleJson, visibleLine } from "../../src/lib/escape.ts";
import { ALL_HOSTILE, HOSTILE, unsafeIn } from "../support/hostile.ts";

const shown: [text: string, visible: string][] = [
  ["plain", "plain"],
  ["", ""],
  ["naïve 日本語 🦕 “quotes” ␛", "naïve 日本語 🦕 “quotes” ␛"],
  ["a\nb\tc", "a\nb\tc"],
  ["a\r\nb", "a\nb"],
  ["a\rb", "a␍b"],
  ["\x1b[31m", "␛[31m"],
  ["\x00\x07\x7f", "␀␇␡"],
  ["\x9b2J\x85", "\\x9b2J\\x85"],
  ["\u202e\u2066\u200b\ufeff\u061c", "\\u202e\\u2066\\u200b\\ufeff\\u061c"],
  ["\u2028\u2029", "\\u2028\\u2029"],
  ["\u{e0041}", "\\u{e0041}"],
  ["\ud83d", "\\ud83d"],
  ["\udc00x", "\\udc00x"],
  ["\u00a0\u2003", "\u00a0\u2003"],
  ["\u00ad\u034f\u115f\u3164\ufe0e\uffa0", "\\xad\\u034f\\u115f\\u3164\\ufe0e\\uffa0"],
  ["\u180e\u206a\u{e0100}", "\\u180e\\u206a\\u{e0100}"],
];

for (const [text, expected] of shown)
  test(`${JSON.stringify(text)} is shown as ${JSON.stringify(expected)}`, () => {
    expect(visible(text)).toBe(expected);
  });

test("no hostile text stays hostile in any of the three forms", () => {
  for (const text of [...HOSTILE, ALL_HOSTILE]) {
    expect(unsafeIn(visible(text))).toEqual([]);
    expect(unsafeIn(visibleLine(text))).toEqual([]);
    expect(unsafeIn(visibleJson({ [text]: text }))).toEqual([]);
  }
});

test("visible text stays as it is when shown again", () => {
  expect(visible(visible(ALL_HOSTILE))).toBe(visible(ALL_HOSTILE));
});

test("a line has no line break and no tab", () => {
  expect(visibleLine("a\nb\r\nc\td")).toBe("a⏎b⏎c d");
});

const cuts: [text: string, columns: number, line: string][] = [
  ["12345", 5, "12345"],
  ["123456", 5, "1234…"],
  ["🦕🦕🦕", 3, "🦕🦕🦕"],
  ["🦕🦕🦕🦕", 3, "🦕🦕…"],
  ["a\nb\nc", 3, "a⏎…"],
  ["x".repeat(1_000_000), 2, "x…"],
];

for (const [text, columns, line] of cuts)
  test(`${JSON.stringify(text.slice(0, 20))} cut at ${columns} is ${line}`, () => {
    expect(visibleLine(text, columns)).toBe(line);
  });

test("JSON parses back to the same text", () => {
  for (const text of [...HOSTILE, ALL_HOSTILE, "\u{1f995}\ud83d", "\\u001b", '"\\'])
    expect(JSON.parse(visibleJson({ text }))).toEqual({ text });
});
