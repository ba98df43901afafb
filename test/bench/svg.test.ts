import { expect, test } from "bun:test";
import { niceAbove, type Panel, picture, short } from "./svg.ts";

test("axes end at the next of 1, 2, 5 and their tens", () => {
  expect([0.3, 1, 1.1, 4.9, 5.1, 21_000, 50_000].map(niceAbove)).toEqual([0.5, 1, 2, 5, 10, 50_000, 50_000]);
});

test("numbers on an axis are short", () => {
  expect([0, 0.2, 40, 1_000, 1_500, 20_000, 1e7].map(short)).toEqual([
    "0",
    "0.2",
    "40",
    "1k",
    "1500",
    "20k",
    "10M",
  ]);
});

const PANEL: Panel = {
  title: "A < B",
  xLabel: "connections (log axis)",
  yLabel: "median, ms",
  xTicks: [1, 10, 100],
  series: [
    {
      name: "ours",
      kind: "ours",
      points: [
        [1, 1],
        [10, 2],
        [100, 5],
      ],
    },
    {
      name: "bare",
      kind: "floor",
      points: [
        [1, 1],
        [100, 1],
      ],
    },
  ],
};

test("equal steps on the logarithmic axis are equal distances; the floor is dashed; text is escaped", () => {
  const svg = picture([PANEL], "about");
  const [points] = [...svg.matchAll(/<polyline class="line (\w+) s0"[^>]*points="([^"]+)"/g)];
  const xs = (points?.[2] ?? "").split(" ").map((pair) => Number(pair.split(",")[0]));
  expect(xs).toHaveLength(3);
  expect((xs[1] ?? 0) - (xs[0] ?? 0)).toBeCloseTo((xs[2] ?? 0) - (xs[1] ?? 0), 0);
  expect(svg).toContain('<polyline class="line floor s1"');
  expect(svg).toContain("A &lt; B");
  expect(svg).toContain("prefers-color-scheme:dark");
  for (const label of [PANEL.xLabel, PANEL.yLabel, "ours", "bare"]) expect(svg).toContain(label);
});
