import { expect, test } from "bun:test";
import { inTurns, median, percentile } from "./statistics.ts";

test("the median is the middle value, or the mean of the middle two, and needs no order", () => {
  expect(median([9, 1, 5])).toBe(5);
  expect(median([9, 1, 5, 2])).toBe(3.5);
  expect(median([7])).toBe(7);
  expect(median([])).toBeNaN();
});

test("a percentile is a value that was measured; the last one is the largest", () => {
  const values = Array.from({ length: 100 }, (_, i) => 100 - i);
  expect(percentile(values, 0.5)).toBe(50);
  expect(percentile(values, 0.99)).toBe(99);
  expect(percentile(values, 1)).toBe(100);
  expect(percentile([3], 0.99)).toBe(3);
  expect(percentile([], 0.5)).toBeNaN();
  expect(values[0]).toBe(100);
});

test("sides run in turns, every second round the other way round, and keep their places", async () => {
  const order: string[] = [];
  let count = 0;
  const side = (name: string) => async () => {
    order.push(name);
    return `${name}${++count}`;
  };
  expect(await inTurns(3, [side("a"), side("b")])).toEqual([
    ["a1", "a4", "a5"],
    ["b2", "b3", "b6"],
  ]);
  expect(order.join("")).toBe("abbaab");
});
