// The pure parts of the page.
import { describe, expect, test } from "bun:test";
import { lineOf, piecesOf, plain } from "../../src/page/characters.ts";
import { EMPTY, MOST_READ, withNewer, withOlder } from "../../src/page/feed.ts";
import { matches, NO_FILTER, queryOf } from "../../src/page/filter.ts";
import { ClickGuard, type Place, STILL_MS } from "../../src/page/guard.ts";
import { Heights } from "../../src/page/heights.ts";
import { SseParser } from "../../src/page/sse.ts";
import { ageOf, clockOf, dayName, momentOf, sizeOf, timeUntil } from "../../src/page/words.ts";
import { ALL_HOSTILE, HOSTILE, unsafeIn } from "../support/hostile.ts";
import { eventNumber } from "./made_up.ts";

const NOW = new Date(2026, 10, 28, 20, 26).getTime();

const AGES: readonly (readonly [seconds: number, age: string])[] = [
  [0, "0 s"],
  [40.9, "40 s"],
  [60, "1 min"],
  [3_599, "59 min"],
  [3_600, "1 h"],
  [86_400, "1 day"],
  [3 * 86_400, "3 days"],
  [-5, "0 s"],
];

test.each(AGES)("after %p s the age is %p", (seconds, age) => {
  expect(ageOf(NOW - seconds * 1_000, NOW)).toBe(age);
});

test("times are clocks today, then days by name, then dates", () => {
  const before = (days: number) => NOW - days * 86_400_000;
  expect([0, 1, 6, 30].map((days) => momentOf(before(days), NOW))).toEqual([
    "20:26",
    "Friday",
    "Sunday",
    "29 Oct",
  ]);
  expect([0, 1, 2].map((days) => dayName(before(days), NOW))).toEqual([
    "Today",
    "Yesterday",
    "Thursday 26 November",
  ]);
  expect(clockOf(NOW)).toBe("20:26");
  expect(timeUntil(NOW + 240_000, NOW)).toBe("4 min");
  expect(timeUntil(NOW - 1, NOW)).toBeUndefined();
  expect([0, 900, 212_000, 3_400_000].map(sizeOf)).toEqual(["0 kB", "1 kB", "212 kB", "3.4 MB"]);
});

describe("hidden characters", () => {
  test("none is left as it is", () => {
    for (const text of [...HOSTILE, ALL_HOSTILE]) {
      expect(unsafeIn(plain(text))).toEqual([]);
      const pieces = piecesOf(text.replaceAll("\n", ""), true);
      expect(unsafeIn(pieces.map((piece) => piece.text).join(""))).toEqual([]);
    }
  });

  test("tabs are mild, and what turns text is bad", () => {
    expect(piecesOf("a\tb\u202ec")).toEqual([
      { text: "a" },
      { text: "⇥ ", sign: "mild", name: "tab" },
      { text: "b" },
      { text: "U+202E", sign: "bad", name: "hidden character" },
      { text: "c" },
    ]);
  });

  test("unusual spaces are drawn where a text has to be exact", () => {
    expect(piecesOf("rm\u00a0x")).toHaveLength(1);
    expect(piecesOf("rm\u00a0x", true).map(({ text }) => text)).toEqual(["rm", "⍽", "x"]);
  });

  test("pictographs and scripts keep their joiners, other words do not", () => {
    for (const text of ["👩‍💻", "می\u200cخواهم", "plain"]) expect(piecesOf(text)).toEqual([{ text }]);
    expect(plain("a\u200db")).toBe("aU+200Db");
  });

  test("a line has no breaks, and ends", () => {
    expect(lineOf("  a\n\tb\r\nc ")).toBe("a b c");
    expect(lineOf("x".repeat(1_000), 10)).toBe(`${"x".repeat(10)}…`);
  });
});

describe("clicks", () => {
  const at = (left: number): Place => ({ left, top: 0, width: 50, height: 20 });

  test("a button that moved ignores them for a moment, one that stood still does not", () => {
    const guard = new ClickGuard<string>();
    guard.look(
      new Map([
        ["allow", at(0)],
        ["deny", at(60)],
      ]),
      0,
    );
    expect(guard.mayClick("allow", STILL_MS - 1)).toBe(false);
    expect(guard.mayClick("allow", STILL_MS)).toBe(true);
    guard.look(
      new Map([
        ["allow", at(10)],
        ["deny", at(60)],
      ]),
      1_000,
    );
    expect([guard.mayClick("allow", 1_399), guard.mayClick("deny", 1_001)]).toEqual([false, true]);
    expect(guard.mayClick("allow", 1_400)).toBe(true);
  });

  test("scrolling by the person holds nothing back", () => {
    const guard = new ClickGuard<string>();
    guard.look(new Map([["allow", at(0)]]), 0);
    guard.look(new Map([["allow", at(90)]]), 1_000, true);
    expect(guard.mayClick("allow", 1_001)).toBe(true);
  });
});

describe("the rows in sight", () => {
  const keys = Array.from({ length: 100_000 }, (_, i) => `row-${i}`);

  test("few are shown of many, with room for the others", () => {
    const heights = new Heights();
    heights.rows(keys, () => 28);
    const { from, to, before, after } = heights.window(28 * 50_000, 600, 300);
    expect(to - from).toBeLessThan(50);
    expect(before + after + 28 * (to - from)).toBe(heights.total);
    expect(before).toBeLessThanOrEqual(28 * 50_000 - 300);
  });

  test("rows of any height are found where they stand", () => {
    const heights = new Heights();
    heights.rows(keys.slice(0, 1_000), (i) => 20 + (i % 5) * 8);
    heights.measured(10, 300);
    let top = 0;
    for (let i = 0; i < 1_000; i++) {
      expect(heights.topOf(i)).toBe(top);
      expect(heights.at(top)).toBe(i);
      top += i === 10 ? 300 : 20 + (i % 5) * 8;
    }
    expect(heights.total).toBe(top);
  });

  test("a measured height outlives new rows before it", () => {
    const heights = new Heights();
    heights.rows(["a", "b"], () => 28);
    expect([heights.measured(1, 90), heights.measured(1, 90)]).toEqual([true, false]);
    heights.rows(["z", "a", "b"], () => 28);
    expect(heights.total).toBe(146);
  });

  test("there may be none", () => {
    const heights = new Heights();
    heights.rows([], () => 28);
    expect(heights.window(0, 600, 300)).toEqual({ from: 0, to: 0, before: 0, after: 0 });
  });
});

describe("events", () => {
  const some = (from: number, count: number) =>
    Array.from({ length: count }, (_, i) => eventNumber(from + i, NOW));

  test("none stands twice, and too many older ones go", () => {
    const feed = withNewer(withNewer(EMPTY, some(1, 10), 12), some(6, 10), 12);
    expect(feed.events.map(({ id }) => id)).toEqual([4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
    expect(feed.older).toBe(true);
  });

  test("older ones push out the newest, which are read again later", () => {
    const feed = withOlder(withNewer(EMPTY, some(1_001, MOST_READ), MOST_READ), some(501, 600), true);
    expect([feed.events[0]?.id, feed.events.length, feed.newer]).toEqual([501, MOST_READ, true]);
  });

  test("a filter asks the bus for what it can, and looks at the rest itself", () => {
    const filter = { ...NO_FILTER, actionable: true, direct: true, type: "message", text: "Fox" };
    expect(queryOf(filter)).toEqual({ min_level: "actionable", event_types: ["message"], text: "Fox" });
    const matching = some(1, 30).filter((event) => matches(filter, event, new Map()));
    expect(matching.length).toBe(10);
    expect(
      some(1, 9).filter((event) => matches({ ...NO_FILTER, repo: "shop" }, event, new Map())).length,
    ).toBe(6);
  });
});

test("messages of a stream come whole, however they are cut", () => {
  const text = ': hi\n\nevent: events\nid: 7\ndata: {"a":1}\n\nevent: mail\r\ndata: x\r\ndata: y\r\n\r\n';
  for (const size of [1, 2, 7, text.length]) {
    const parser = new SseParser();
    const pieces = Array.from({ length: Math.ceil(text.length / size) }, (_, i) =>
      text.slice(i * size, (i + 1) * size),
    );
    expect(pieces.flatMap((piece) => parser.push(piece))).toEqual([
      { name: "events", data: '{"a":1}', id: "7" },
      { name: "mail", data: "x\ny" },
    ]);
  }
});
