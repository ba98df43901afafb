import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { cellsOf, digits, type Figure, jsonOf, markdownTable, plainTable, verdictOf } from "./figure.ts";
import { FOR_USERS, scaleTable, usersTable, withTable } from "./page.ts";

const figure = (more: Partial<Figure>): Figure => ({
  what: "publish",
  unit: "ms",
  ours: 13,
  floor: 10,
  floorIs: "bare route",
  target: undefined,
  ...more,
});

describe("the verdict", () => {
  test("a ratio at the target is met, beyond it missed", () => {
    expect(verdictOf(figure({ target: { of: "ratio", most: 1.3 } }))).toBe("met");
    expect(verdictOf(figure({ ours: 13.1, target: { of: "ratio", most: 1.3 } }))).toBe("missed");
    expect(verdictOf(figure({ ours: 7, target: { of: "ratio", least: 0.7 } }))).toBe("met");
    expect(verdictOf(figure({ ours: 6.9, target: { of: "ratio", least: 0.7 } }))).toBe("missed");
  });

  test("what is more than the floor, and what stands alone", () => {
    expect(verdictOf(figure({ ours: 30, target: { of: "more", most: 20 } }))).toBe("met");
    expect(verdictOf(figure({ ours: 31, target: { of: "more", most: 20 } }))).toBe("missed");
    expect(verdictOf(figure({ floor: undefined, target: { of: "ours", most: 13 } }))).toBe("met");
    expect(verdictOf(figure({ floor: undefined, target: { of: "ours", most: 12 } }))).toBe("missed");
    expect(verdictOf(figure({ floor: undefined, target: { of: "ours", least: 13 } }))).toBe("met");
    expect(verdictOf(figure({ floor: undefined, target: { of: "ours", least: 14 } }))).toBe("missed");
  });

  test("what could not be measured is not met", () => {
    expect(verdictOf(figure({ ours: Number.NaN, target: { of: "ratio", most: 9 } }))).toBe("missed");
    expect(verdictOf(figure({ floor: undefined, target: { of: "ratio", most: 9 } }))).toBe("missed");
    expect(verdictOf(figure({ floor: undefined, target: { of: "more", most: 9 } }))).toBe("missed");
    expect(verdictOf(figure({}))).toBe("no target");
  });
});

test("numbers have three digits that matter and no exponent", () => {
  expect([0.04123, 0.4123, 4.123, 41.23, 412.3, 41234.5, 0, Number.NaN].map(digits)).toEqual([
    "0.0412",
    "0.412",
    "4.12",
    "41.2",
    "412",
    "41235",
    "0",
    "?",
  ]);
});

const FIGURES = [
  figure({ target: { of: "ratio", most: 1.3 } }),
  figure({
    what: "memory",
    unit: "MB",
    ours: 80,
    floor: 60,
    target: { of: "more", most: 20 },
    note: "a | b",
  }),
  figure({ what: "cpu", unit: "% of a core", floor: undefined, target: { of: "ours", most: 0.1 } }),
];

test("a line tells what, ours, floor, ratio, target and verdict", () => {
  expect(FIGURES.map(cellsOf)).toEqual([
    ["publish", "13.0 ms", "10.0 ms (bare route)", "1.30", "≤ 1.3 ×", "met"],
    ["memory (a | b)", "80.0 MB", "60.0 MB (bare route)", "1.33", "+ ≤ 20 MB", "met"],
    ["cpu", "13.0 % of a core", "–", "–", "≤ 0.1 % of a core", "missed"],
  ]);
});

test("the table for a terminal is aligned", () => {
  const lines = plainTable(FIGURES).split("\n");
  expect(lines).toHaveLength(4);
  expect(new Set(lines.map((line) => line.search(/ours|13\.0|80\.0/))).size).toBe(1);
  expect(lines.every((line) => line === line.trimEnd())).toBe(true);
});

test("the table in Markdown escapes what would end a cell", () => {
  const lines = markdownTable(FIGURES).split("\n");
  expect(lines[1]).toBe("| --- | --- | --- | --- | --- | --- |");
  expect(lines[3]).toStartWith("| memory (a \\| b) | 80.0 MB |");
});

test("JSON holds the ratio and the verdict, null where there is no ratio", () => {
  const parsed = JSON.parse(JSON.stringify(jsonOf(FIGURES)));
  expect(parsed[0]).toMatchObject({ what: "publish", ours: 13, floor: 10, ratio: 1.3, verdict: "met" });
  expect(parsed[2]).toMatchObject({ ratio: null, verdict: "missed" });
});

test("only what stands between the markers of the page is replaced", () => {
  const page = "before\n<!-- begin bench -->\nold\n<!-- end bench -->\nafter\n";
  const machine = {
    processor: "P",
    cores: 2,
    system: "linux",
    bun: "1",
    load: 0.12,
    date: "2026-01-02",
  };
  const once = withTable(page, markdownTable(FIGURES), machine);
  expect(once).toStartWith("before\n<!-- begin bench -->\n\n| what |");
  expect(once).toEndWith(
    "2026-01-02, P, 2 cores, linux, Bun 1, load before the run 0.1\n\n<!-- end bench -->\nafter\n",
  );
  expect(once).not.toContain("old");
  expect(withTable(once, markdownTable(FIGURES), machine)).toBe(once);
  expect(() => withTable("no markers", "", machine)).toThrow("<!-- begin bench -->");
});

test("users are shown their figures in their words, and nothing that was not measured", () => {
  const rate = figure({
    what: "publish, durable, 64 connections: rate",
    unit: "/s",
    ours: 16_638.4,
    floor: 22_000,
  });
  const read = figure({ what: "get_events, 50, resume: 1,000 events", floorIs: "at 100" });
  const cpu = figure({ what: "processor when idle with 30 waiters", floor: undefined, unit: "% of a core" });
  expect(
    usersTable([cpu, read, figure({ what: "other" }), rate])
      .split("\n")
      .slice(2),
  ).toEqual([
    "| Publishes of 64 clients, stored on disk | 16,638 a second | 22,000 a second (a bare HTTP route) |",
    "| A read of 50 events, 1,000 events stored | 13.0 ms | 10.0 ms (at 100) |",
    "| Processor with 30 idle sessions | 13.0 % of a core | – |",
  ]);
});

test("several buses are shown beside one on SQLite", () => {
  const of = (buses: string, key: string, unit: "/s" | "ms", ours: number, floor: number) =>
    figure({ what: `PostgreSQL, ${buses}: publish, durable, 16 connections: ${key}`, unit, ours, floor });
  const figures = [
    of("1 bus", "rate", "/s", 4_000, 8_000),
    of("1 bus", "p50", "ms", 3, 1.5),
    of("2 buses", "rate", "/s", 3_000, 8_000),
    of("2 buses", "p50", "ms", 4, 1.5),
  ];
  const cells = scaleTable(figures)
    .split("\n")
    .slice(2)
    .map((line) => line.split(" | ")[2]);
  expect(cells).toEqual([
    "8,000 a second, 1.50 ms",
    "4,000 a second, 3.00 ms",
    "3,000 a second, 4.00 ms",
    "NaN a second, ? ms",
  ]);
});

test("every figure for users is one that is measured", () => {
  const notes = readFileSync(join(import.meta.dir, "NOTES.md"), "utf8");
  for (const [begins] of FOR_USERS) expect(notes).toContain(`\n| ${begins}`);
});
