import { expect, test } from "bun:test";
import { atLeast, isLevel, levelOf } from "../../src/domain/level.ts";

const derived: [event_type: string, channel: string, level: string][] = [
  ["session_registered", "all", "lifecycle"],
  ["session_unregistered", "all", "lifecycle"],
  ["ci_watching", "all", "lifecycle"],
  ["ci_rerun", "all", "lifecycle"],
  ["task_started", "repo:x", "lifecycle"],
  ["parallel_work_started", "all", "lifecycle"],
  ["help_needed", "all", "actionable"],
  ["blocker_found", "all", "actionable"],
  ["ci_failed", "machine:x", "actionable"],
  ["error_broadcast", "all", "actionable"],
  ["task_completed", "all", "info"],
  ["anything else", "all", "info"],
  ["Help_Needed", "all", "info"],
  ["constructor", "all", "info"],
  ["", "all", "info"],
  ["note", "session:abc", "actionable"],
  ["session_registered", "session:abc", "actionable"],
  ["note", "sessions", "info"],
  ["note", "my-session:x", "info"],
];

for (const [event_type, channel, level] of derived)
  test(`${event_type || "no type"} on ${channel} is ${level}`, () => {
    expect(levelOf({ event_type, channel }) as string).toBe(level);
    expect(levelOf({ event_type, channel, explicit_level: null }) as string).toBe(level);
    expect(levelOf({ event_type, channel, explicit_level: "urgent" }) as string).toBe(level);
  });

for (const explicit_level of ["lifecycle", "info", "actionable"] as const)
  test(`an explicit ${explicit_level} wins over channel and type`, () => {
    expect(levelOf({ event_type: "help_needed", channel: "session:x", explicit_level })).toBe(explicit_level);
    expect(levelOf({ event_type: "ci_rerun", channel: "all", explicit_level })).toBe(explicit_level);
  });

test("levels are ordered lifecycle < info < actionable", () => {
  const levels = ["lifecycle", "info", "actionable"] as const;
  for (const [i, level] of levels.entries())
    for (const [j, minimum] of levels.entries()) expect(atLeast(level, minimum)).toBe(i >= j);
});

test("only the three words are levels", () => {
  expect(["lifecycle", "info", "actionable"].every(isLevel)).toBe(true);
  expect(["", "INFO", "info ", "toString", null, undefined, 1].some(isLevel)).toBe(false);
});
