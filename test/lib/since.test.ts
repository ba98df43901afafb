import { describe, expect, test } from "bun:test";
import { timeSince } from "../../src/lib/since.ts";

/** A Wednesday, in local time. */
const NOW = new Date(2026, 10, 25, 12, 30, 15);
const local = (...parts: [number, number, number, number?, number?, number?]) => {
  const [year, month, day, hour = 0, minute = 0, second = 0] = parts;
  return new Date(year, month - 1, day, hour, minute, second).toISOString();
};

const TIMES: [text: string, time: string][] = [
  ["1h", local(2026, 11, 25, 11, 30, 15)],
  ["30m", local(2026, 11, 25, 12, 0, 15)],
  ["45s", local(2026, 11, 25, 12, 29, 30)],
  ["2D", new Date(NOW.getTime() - 2 * 86_400_000).toISOString()],
  ["1w", new Date(NOW.getTime() - 7 * 86_400_000).toISOString()],
  ["0m", NOW.toISOString()],
  ["today", local(2026, 11, 25)],
  ["yesterday", local(2026, 11, 24)],
  [" Yesterday ", local(2026, 11, 24)],
  ["12:30", local(2026, 11, 25, 12, 30)],
  ["12:31", local(2026, 11, 24, 12, 31)],
  ["9:05", local(2026, 11, 25, 9, 5)],
  ["00:00", local(2026, 11, 25)],
  ["2026-11-01", local(2026, 11, 1)],
  ["2026-11-01T10:00", local(2026, 11, 1, 10)],
  ["2026-11-01 10:00", local(2026, 11, 1, 10)],
  ["2026-11-01T10:00:59", local(2026, 11, 1, 10, 0, 59)],
  ["2024-02-29", local(2024, 2, 29)],
  ["2026-11-01T10:00:00Z", "2026-11-01T10:00:00.000Z"],
  ["2026-11-01T10:00:00.5+02:00", "2026-11-01T08:00:00.500Z"],
];

test.each(TIMES)("%j is a time", (text, time) => {
  expect(timeSince(text, NOW)).toBe(time);
});

describe("what is not a time", () => {
  test.each([
    "",
    "h",
    "1",
    "-1h",
    "1.5h",
    "1y",
    "24:00",
    "12:60",
    "12:3",
    "noon",
    "2026",
    "2026-11",
    "2026-13-01",
    "2026-02-29",
    "2026-02-30",
    "2026-11-31T10:00",
    "2026-11-01T24:00",
    "2026-11-01T10:60",
    "11/01/2026",
    "1h30m",
    "99999999999d",
    "tomorrow",
    "2026-11-01T10",
    "now()",
    "1 h",
  ])("%j", (text) => {
    expect(timeSince(text, NOW)).toBeUndefined();
  });
});
