import { expect, test } from "bun:test";
import { createPrinter } from "../../src/cli/printer.ts";
import type { Printer } from "../../src/lib/command.ts";

const NOW = new Date(2026, 0, 31, 8, 0, 0).getTime();

function printer(colours = false, width?: number): Printer & { out: string; err: string } {
  const shown = { out: "", err: "" };
  const made = createPrinter({
    out: (text) => {
      shown.out += text;
    },
    err: (text) => {
      shown.err += text;
    },
    colours,
    width,
    now: () => NOW,
  });
  return Object.assign(shown, made);
}

const ago: [ms: number, shown: string][] = [
  [-5_000, "now"],
  [0, "now"],
  [999, "now"],
  [1_000, "1 s ago"],
  [59_999, "59 s ago"],
  [60_000, "1 min ago"],
  [3_599_000, "59 min ago"],
  [3_600_000, "1 h ago"],
  [86_399_000, "23 h ago"],
  [86_400_000, "1 d ago"],
  [400 * 86_400_000, "400 d ago"],
];

for (const [ms, shown] of ago)
  test(`${ms} ms back is ${shown}`, () => {
    expect(printer().ago(new Date(NOW - ms).toISOString())).toBe(shown);
  });

test("times are local: today's with seconds, other days' with the date", () => {
  const local = (...parts: [number, number, number, number, number, number]) =>
    printer().time(new Date(...parts).toISOString());
  expect(local(2026, 0, 31, 7, 5, 9)).toBe("07:05:09");
  expect(local(2026, 0, 30, 23, 59, 59)).toBe("2026-01-30 23:59");
  expect(local(2025, 11, 1, 0, 0, 0)).toBe("2025-12-01 00:00");
});

test("what is no time is shown harmlessly", () => {
  expect(printer().time("\x1b[2Jsoon")).toBe("␛[2Jsoon");
  expect(printer().ago("soon")).toBe("-");
});

const tables: [what: string, rows: string[][], shown: string[]][] = [
  [
    "plain cells",
    [
      ["a", "bb"],
      ["ccc", "d"],
    ],
    ["a    bb", "ccc  d"],
  ],
  [
    "wide characters",
    [
      ["日本", "x"],
      ["abcde", "y"],
    ],
    ["日本   x", "abcde  y"],
  ],
  [
    "emoji",
    [
      ["🦕", "x"],
      ["abc", "y"],
    ],
    ["🦕   x", "abc  y"],
  ],
  [
    "fullwidth and hangul",
    [
      ["ＡＢ", "x"],
      ["한글한", "y"],
    ],
    ["ＡＢ    x", "한글한  y"],
  ],
  [
    "rare ideographs",
    [
      ["𠮷", "x"],
      ["abc", "y"],
    ],
    ["𠮷   x", "abc  y"],
  ],
  [
    "combining marks",
    [
      ["e\u0301", "x"],
      ["abc", "y"],
    ],
    ["e\u0301    x", "abc  y"],
  ],
  ["uneven rows", [["a"], ["bb", "c"]], ["a", "bb  c"]],
  [
    "an empty last cell",
    [
      ["a", ""],
      ["b", "c"],
    ],
    ["a", "b  c"],
  ],
  ["no rows", [], []],
];

for (const [what, rows, shown] of tables)
  test(`a table is aligned: ${what}`, () => {
    const to = printer();
    to.table([{}, {}], rows);
    expect(to.out).toBe(shown.map((line) => `${line}\n`).join(""));
  });

test("colours take no place in a table", () => {
  const to = printer(true);
  to.table(
    [{}, {}],
    [
      [to.bold("a"), "x"],
      ["bbb", "y"],
    ],
  );
  expect(Bun.stripANSI(to.out)).toBe("a    x\nbbb  y\n");
  expect(to.out).toStartWith("\x1b[1ma\x1b[0m");
});

test("without colours nothing is painted", () => {
  const to = printer();
  expect([to.bold("a"), to.dim("b"), to.colour("trouble", "c")]).toEqual(["a", "b", "c"]);
});

test("text is made one harmless line, and nothing is a dash", () => {
  const to = printer();
  expect(to.text("a\nb\x1b[0m")).toBe("a⏎b␛[0m");
  expect([to.text(undefined), to.text(null), to.text(0), to.text("")]).toEqual(["-", "-", "0", ""]);
});

test("a block keeps its lines, each indented and harmless", () => {
  const to = printer();
  to.block("one\r\n\ttwo\x07\n", "    ");
  expect(to.out).toBe("    one\n    \ttwo␇\n    \n");
});

test("lines go to stdout and notes to stderr", () => {
  const to = printer();
  to.line("a");
  to.line();
  to.note("b");
  expect([to.out, to.err]).toEqual(["a\n\n", "b\n"]);
});

test("progress is one line on a terminal, and a line each time elsewhere", () => {
  for (const [width, out] of [
    [80, "1 %\n\x1b[1A\x1b[2K2 %\n\x1b[1A\x1b[2K3 %\n"],
    [undefined, "1 %\n2 %\n3 %\n"],
  ] as const) {
    const to = printer(false, width);
    for (const text of ["1 %", "2 %", "3 %"]) to.progress(text);
    expect(to.out).toBe(out);
  }
});
