import { expect, test } from "bun:test";
import { tableLines } from "../../src/cli/table.ts";
import { cutTo, widthOf } from "../../src/cli/text_width.ts";

const COLUMNS = [{}, { min: 4 }, { drop: 1 }, { drop: 2 }];
const ROWS = [["#1", "a long text", "middle", "last"]];

const WIDTHS: [width: number | undefined, line: string][] = [
  [undefined, "#1  a long text  middle  last"],
  [40, "#1  a long text  middle  last"],
  [27, "#1  a long t…  middle  last"],
  [22, "#1  a l…  middle  last"],
  [21, "#1  a long t…  middle"],
  [16, "#1  a l…  middle"],
  [14, "#1  a long te…"],
  [12, "#1  a long…"],
  [8, "#1  a l…"],
];

for (const [width, line] of WIDTHS)
  test(`a table on ${width ?? "any number of"} columns drops columns only when shortening is not enough`, () => {
    const [shown = ""] = tableLines(COLUMNS, ROWS, width);
    expect(shown).toBe(line);
  });

test("a text is cut by what it takes on the screen, and its colours end with it", () => {
  expect(cutTo("日本語です", 5)).toBe("日本…");
  expect(cutTo("\x1b[1mabcdef\x1b[0m", 4)).toBe("\x1b[1mabc…\x1b[0m");
  expect(cutTo("abc", 3)).toBe("abc");
  expect([widthOf("a→✓…b"), widthOf("e\u0301"), widthOf("🦕"), widthOf("\x1b[35mx\x1b[0m")]).toEqual([
    5, 1, 2, 1,
  ]);
});
