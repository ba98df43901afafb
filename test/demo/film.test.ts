import { expect, test } from "bun:test";
import { filmOf } from "./film.ts";
import { INK, linesOf, PAPER } from "./screen.ts";

const ESC = "\x1b";
const PANES = [
  { title: "left", note: "<a note>" },
  { title: "right", note: "" },
];

const film = (...screens: [at: number, left: string, right: string][]) =>
  filmOf({
    ...{ panes: PANES, columns: 20, rows: 3, title: "A & B" },
    frames: screens.map(([at, ...both]) => ({ at, screens: both })),
  });

/** The group that draws a text: its attributes, and what its keyframes do. */
function shown(svg: string, text: string): { hidden: boolean; keyframes: string | undefined } {
  const [, name, hidden] =
    new RegExp(`<g class="(\\w+)"( visibility="hidden")?><text[^>]*>${text}<`).exec(svg) ?? [];
  const [, keyframes] = new RegExp(`@keyframes ${name}\\{(.*?\\})\\}`).exec(svg) ?? [];
  return { hidden: hidden !== undefined, keyframes };
}

test("a look goes on to the next line until it is taken back", () => {
  const [first, second] = linesOf(`a${ESC}[1;38;5;196mred\nmore${ESC}[0m ${ESC}[7mx${ESC}[27;38;2;1;2;255my`);
  expect(first?.map(({ text, column, color, bold }) => [text, column, color, bold])).toEqual([
    ["a", 0, undefined, false],
    ["red", 1, "#ff0000", true],
  ]);
  expect(second?.map(({ text, column, color, background }) => [text, column, color, background])).toEqual([
    ["more", 0, "#ff0000", undefined],
    [" ", 4, undefined, undefined],
    ["x", 5, PAPER, INK],
    ["y", 6, "#0102ff", undefined],
  ]);
});

test("without animation the last picture stands there, and with it that picture comes first", () => {
  const svg = film([0, "begin", "same"], [1_000, "middle", "same"], [2_000, "last", "same"]);
  expect(svg).toContain("animation-duration:7.50s");
  expect(shown(svg, "begin")).toEqual({
    hidden: true,
    keyframes: "0%{visibility:hidden}13.333%{visibility:visible}26.667%{visibility:hidden}",
  });
  expect(shown(svg, "last")).toEqual({
    hidden: false,
    keyframes: "0%{visibility:visible}13.333%{visibility:hidden}40%{visibility:visible}",
  });
  expect(shown(svg, "same")).toEqual({ hidden: false, keyframes: "0%{visibility:visible}" });
});

test("a long wait is cut", () => {
  expect(film([0, "a", ""], [60_000, "b", ""])).toContain("animation-duration:6.70s");
});

test("what a terminal shows is text, and nothing in it is run or fetched", () => {
  const svg = film([0, '<script>alert("1")</script>', "& so on"]);
  expect(svg).not.toContain("<script");
  for (const text of ["&lt;script&gt;", "&amp; so on", "&lt;a note&gt;", "<title>A &amp; B</title>"])
    expect(svg).toContain(text);
});
