import { describe, expect, test } from "bun:test";
import {
  type Attention,
  type Audience,
  type Push,
  pushOf,
  type Restraint,
  restraintOf,
  type Spent,
  WAKE_SETTINGS,
} from "../../src/domain/attention.ts";
import { type Event, type EventDraft, eventOf } from "../../src/domain/event.ts";
import { Storms, stormsAmong } from "../../src/domain/storms.ts";

const NOW = Date.parse("2026-11-28T12:00:00Z");
const API: Audience = { session_id: "api", repo: "shop", machine: "desk", branch: "fix/login" };

function event(draft: Partial<EventDraft> = {}, id = 1, at = NOW): Event {
  const base = { event_type: "note", payload: "hello", session_id: "web", channel: "all", origin: "local" };
  return eventOf(id, new Date(at).toISOString(), { ...base, ...draft });
}

function push(draft: Partial<EventDraft>, attention: Partial<Attention> = {}, session = API): Push {
  return pushOf(event(draft), session, { wake: "direct", mutedUntil: 0, ...attention }, NOW);
}

/** For each event, how it reaches the session at each setting of what may wake it. */
const TABLE: [what: string, draft: Partial<EventDraft>, direct: Push, repo: Push, all: Push, off: Push][] = [
  ["a direct message", { channel: "session:api" }, "wake", "wake", "wake", "hand_over"],
  [
    "a question to it",
    { channel: "session:api", event_type: "question" },
    "wake",
    "wake",
    "wake",
    "hand_over",
  ],
  [
    "a direct message that is only information",
    { channel: "session:api", explicit_level: "info" },
    "hand_over",
    "hand_over",
    "hand_over",
    "hand_over",
  ],
  [
    "a direct message of lifecycle level",
    { channel: "session:api", explicit_level: "lifecycle" },
    "hand_over",
    "hand_over",
    "hand_over",
    "hand_over",
  ],
  [
    "help_needed to its repository",
    { channel: "repo:shop", event_type: "help_needed" },
    "hand_over",
    "wake",
    "wake",
    "hand_over",
  ],
  [
    "help_needed to its machine",
    { channel: "machine:desk", event_type: "help_needed" },
    "hand_over",
    "wake",
    "wake",
    "hand_over",
  ],
  ["help_needed to all", { event_type: "help_needed" }, "digest", "digest", "wake", "digest"],
  ["a note to its repository", { channel: "repo:shop" }, "digest", "digest", "digest", "digest"],
  ["a note to all", {}, "digest", "digest", "digest", "digest"],
  ["lifecycle to all", { event_type: "session_registered" }, "silent", "silent", "silent", "silent"],
  [
    "ci_failed on its branch, in the text",
    { channel: "repo:shop", event_type: "ci_failed", payload: "Red on fix/login." },
    "wake",
    "wake",
    "wake",
    "hand_over",
  ],
  [
    "ci_failed on its branch, as a tag",
    { channel: "repo:shop", event_type: "ci_failed", tags: ["fix/login"] },
    "wake",
    "wake",
    "wake",
    "hand_over",
  ],
  [
    "ci_failed with its branch as the tag of a source",
    { channel: "repo:shop", event_type: "ci_failed", tags: ["branch:fix/login"] },
    "wake",
    "wake",
    "wake",
    "hand_over",
  ],
  [
    "ci_failed that names its branch, but is tagged with another",
    {
      channel: "repo:shop",
      event_type: "ci_failed",
      payload: "fix/login",
      tags: ["branch:eve/shop:fix/login"],
    },
    "hand_over",
    "wake",
    "wake",
    "hand_over",
  ],
  [
    "ci_failed on its branch, in JSON",
    { channel: "repo:shop", event_type: "ci_failed", payload: '{"branch":"fix/login"}' },
    "wake",
    "wake",
    "wake",
    "hand_over",
  ],
  [
    "ci_failed on another branch",
    { channel: "repo:shop", event_type: "ci_failed", payload: "Red on fix/login-2" },
    "hand_over",
    "wake",
    "wake",
    "hand_over",
  ],
  [
    "ci_failed on a longer path",
    { channel: "repo:shop", event_type: "ci_failed", payload: "Red on my/fix/login" },
    "hand_over",
    "wake",
    "wake",
    "hand_over",
  ],
  [
    "ci_failed on its branch, to all",
    { event_type: "ci_failed", payload: "fix/login" },
    "digest",
    "digest",
    "wake",
    "digest",
  ],
  ["the user to all", { origin: "person" }, "wake", "wake", "wake", "hand_over"],
  [
    "the user to its repository",
    { origin: "person", channel: "repo:shop" },
    "wake",
    "wake",
    "wake",
    "hand_over",
  ],
  [
    "the user to another repository",
    { origin: "person", channel: "repo:other" },
    "silent",
    "silent",
    "silent",
    "silent",
  ],
  ["a direct message to another", { channel: "session:web2" }, "silent", "silent", "silent", "silent"],
  [
    "help_needed to another repository",
    { channel: "repo:other", event_type: "help_needed" },
    "silent",
    "silent",
    "silent",
    "silent",
  ],
  [
    "help_needed on a channel of its own",
    { channel: "deploys", event_type: "help_needed" },
    "silent",
    "silent",
    "silent",
    "silent",
  ],
  [
    "its own help_needed",
    { session_id: "api", event_type: "help_needed" },
    "silent",
    "silent",
    "silent",
    "silent",
  ],
];

for (const [what, draft, ...pushes] of TABLE)
  for (const [i, wake] of WAKE_SETTINGS.entries())
    test(`${what}, ${wake}: ${pushes[i]}`, () => {
      expect(push(draft, { wake })).toBe(pushes[i] as Push);
    });

test("ci_failed wakes nobody without a branch", () => {
  const draft = { channel: "repo:shop", event_type: "ci_failed", payload: "null" };
  expect(push(draft, {}, { ...API, branch: null })).toBe("hand_over");
});

describe("a muted session", () => {
  const muted = { mutedUntil: NOW + 1 };
  const rows: [what: string, draft: Partial<EventDraft>, expected: Push][] = [
    ["direct messages wait", { channel: "session:api" }, "silent"],
    ["direct messages of the user wait", { channel: "session:api", origin: "person" }, "silent"],
    [
      "help_needed to its repository is counted",
      { channel: "repo:shop", event_type: "help_needed" },
      "digest",
    ],
    ["the user's words to all are counted", { origin: "person" }, "digest"],
    ["lifecycle stays silent", { event_type: "session_registered" }, "silent"],
  ];
  for (const [what, draft, expected] of rows)
    test(what, () => {
      expect(push(draft, muted)).toBe(expected);
    });
  test("is woken again when the time is over", () => {
    expect(push({ channel: "session:api" }, { mutedUntil: NOW })).toBe("wake");
  });
});

describe("a budget", () => {
  const none: Spent = { wakes: 0, bySender: 0, exchanges: 0 };
  const rows: [spent: Partial<Spent>, expected: Restraint | null][] = [
    [{}, null],
    [{ wakes: 59, bySender: 9, exchanges: 5 }, null],
    [{ wakes: 60 }, "over_budget"],
    [{ bySender: 10 }, "over_budget"],
    [{ exchanges: 6 }, "ping_pong"],
    [{ wakes: 60, bySender: 10, exchanges: 6 }, "ping_pong"],
  ];
  for (const [spent, expected] of rows)
    test(`${JSON.stringify(spent)}: ${expected ?? "wakes"}`, () => {
      expect(restraintOf({ ...none, ...spent })).toBe(expected);
    });
});

describe("a storm", () => {
  const series = (count: number, everyMs: number, draft: Partial<EventDraft> = {}, first = 1) =>
    Array.from({ length: count }, (_, i) =>
      event({ event_type: "help_needed", channel: "repo:shop", ...draft }, first + i, NOW + i * everyMs),
    );
  const rows: [what: string, events: Event[], size: number][] = [
    ["20 events in a minute are none", series(20, 100), 0],
    ["21 events in a minute are one", series(21, 3_000), 21],
    ["21 events in more than a minute are none", series(21, 3_001), 0],
    [
      "events before and after it do not belong to it",
      [
        ...series(3, 60_001),
        ...series(30, 10, {}, 10).map((one) => ({
          ...one,
          timestamp: new Date(NOW + 3_600_000).toISOString(),
        })),
      ],
      30,
    ],
    ["two senders are counted apart", [...series(20, 100), ...series(20, 100, { session_id: "db" }, 50)], 0],
    ["two audiences are counted apart", [...series(20, 100), ...series(20, 100, { channel: "all" }, 50)], 0],
    ["direct messages are exempt", series(50, 10, { channel: "session:api" }), 0],
    ["lifecycle events are none", series(50, 10, { explicit_level: "lifecycle" }), 0],
    ["the user is exempt", series(50, 10, { origin: "person" }), 0],
  ];
  for (const [what, events, size] of rows)
    test(what, () => {
      expect(stormsAmong(events).size).toBe(size);
    });

  test("is found while it goes on, also when its first events were read", () => {
    const storms = new Storms();
    const events = series(30, 100);
    for (const one of events) storms.note(one);
    expect(events.filter((one) => storms.has(one)).map(({ id }) => id)).toEqual([
      21, 22, 23, 24, 25, 26, 27, 28, 29, 30,
    ]);
    const later = event({ event_type: "help_needed", channel: "repo:shop" }, 99, NOW + 600_000);
    storms.note(later);
    expect(storms.has(later)).toBe(false);
  });
});
