import { expect, test } from "bun:test";
import { ORIGINS } from "../../src/domain/caller.ts";
import { type Event, eventOf, PERSON_CHANNEL } from "../../src/domain/event.ts";
import {
  groupOf,
  kindOf,
  mayNotify,
  NOTIFY_SETTINGS,
  type Notice,
  noticeOf,
  type Recipients,
} from "../../src/domain/notification.ts";

const HOOKS: Recipients = { session: "hooks", isRepoLive: true };
const NO_HOOKS: Recipients = { session: "no_hooks", isRepoLive: true };
const NOBODY: Recipients = { session: "nobody", isRepoLive: false };

function an(
  event_type: string,
  channel: string,
  more: { level?: string; from?: string; origin?: string } = {},
) {
  const { level, from = "api", origin = "local" } = more;
  return eventOf(7, "2026-03-01T12:00:00.000Z", {
    ...{ event_type, channel, payload: "p", session_id: from, origin },
    ...(level !== undefined && { explicit_level: level }),
  });
}

const DIRECT = "session:web";
const PERSON = { origin: ORIGINS.person, from: "human" };

type Row = [what: string, event: Event, to: Recipients, ...notices: [Notice, Notice, Notice, Notice]];

// The columns are the settings: needs-me, direct, all, off.
const TABLE: Row[] = [
  ["mail to the user", an("note", PERSON_CHANNEL), NOBODY, "now", "now", "now", "never"],
  ["a question to the user", an("question", PERSON_CHANNEL), NOBODY, "now", "now", "now", "never"],
  [
    "mail to the user of low level",
    an("note", PERSON_CHANNEL, { level: "info" }),
    NOBODY,
    "now",
    "now",
    "now",
    "never",
  ],
  [
    "mail of the bus to the user",
    an("note", PERSON_CHANNEL, { origin: ORIGINS.bus }),
    NOBODY,
    "now",
    "now",
    "now",
    "never",
  ],
  ["a direct message, no hooks", an("note", DIRECT), NO_HOOKS, "now", "now", "now", "never"],
  ["a direct message, hooks", an("note", DIRECT), HOOKS, "unseen", "now", "now", "never"],
  ["a question, hooks", an("question", DIRECT), HOOKS, "unseen", "now", "now", "never"],
  [
    "a direct message of low level, hooks",
    an("note", DIRECT, { level: "info" }),
    HOOKS,
    "unseen",
    "now",
    "now",
    "never",
  ],
  ["a direct message to nobody", an("note", DIRECT), NOBODY, "never", "never", "never", "never"],
  [
    "a message to itself, as doctor sends",
    an("doctor_check", DIRECT, { from: "web" }),
    NO_HOOKS,
    "never",
    "never",
    "never",
    "never",
  ],
  [
    "help_needed to itself",
    an("help_needed", DIRECT, { from: "web" }),
    HOOKS,
    "never",
    "never",
    "never",
    "never",
  ],
  [
    "a direct message of the bus",
    an("ping_pong", DIRECT, { origin: ORIGINS.bus }),
    HOOKS,
    "never",
    "never",
    "never",
    "never",
  ],
  ["help_needed to all", an("help_needed", "all"), NOBODY, "now", "now", "now", "never"],
  ["help_needed to a repository", an("help_needed", "repo:x"), NOBODY, "now", "now", "now", "never"],
  ["help_needed to a session, hooks", an("help_needed", DIRECT), HOOKS, "now", "now", "now", "never"],
  [
    "help_needed that can wait",
    an("help_needed", "all", { level: "info" }),
    NOBODY,
    "never",
    "never",
    "never",
    "never",
  ],
  ["blocker_found", an("blocker_found", "repo:x"), NOBODY, "now", "now", "now", "never"],
  ["error_broadcast", an("error_broadcast", "machine:m"), NOBODY, "now", "now", "now", "never"],
  ["ci_failed, live session", an("ci_failed", "repo:x"), HOOKS, "now", "now", "now", "never"],
  ["ci_failed, no live session", an("ci_failed", "repo:x"), NOBODY, "never", "never", "now", "never"],
  ["ci_failed without a repository", an("ci_failed", "all"), HOOKS, "never", "never", "now", "never"],
  ["ci_failed to a session, hooks", an("ci_failed", DIRECT), HOOKS, "unseen", "now", "now", "never"],
  [
    "another actionable event",
    an("task_completed", "all", { level: "actionable" }),
    HOOKS,
    "never",
    "never",
    "now",
    "never",
  ],
  ["an event of no weight", an("task_completed", "all"), HOOKS, "never", "never", "never", "never"],
  ["a lifecycle event", an("session_registered", "all"), HOOKS, "never", "never", "never", "never"],
  [
    "the user's mail to the user",
    an("note", PERSON_CHANNEL, PERSON),
    NOBODY,
    "never",
    "never",
    "never",
    "never",
  ],
  ["the user's direct message", an("note", DIRECT, PERSON), NO_HOOKS, "never", "never", "never", "never"],
  ["the user's help_needed", an("help_needed", "all", PERSON), HOOKS, "never", "never", "never", "never"],
  [
    "an agent that calls itself human",
    an("help_needed", "all", { from: "human" }),
    HOOKS,
    "now",
    "now",
    "now",
    "never",
  ],
  [
    "an agent's mail to the user as human",
    an("note", PERSON_CHANNEL, { from: "human" }),
    NOBODY,
    "now",
    "now",
    "now",
    "never",
  ],
];

for (const [what, event, to, ...notices] of TABLE)
  test(`${what}: ${notices.join(", ")}`, () => {
    expect(NOTIFY_SETTINGS.map((setting) => noticeOf(event, to, setting))).toEqual(notices);
  });

test("no event that may be shown is passed over without a look at its recipients", () => {
  for (const [, event, to] of TABLE)
    for (const setting of NOTIFY_SETTINGS)
      if (noticeOf(event, to, setting) !== "never") expect(mayNotify(event, setting)).toBe(true);
});

test("events of one sender and kind share a notification, others do not", () => {
  const group = (event: Event, sender?: string) => groupOf(event, kindOf(event, true), sender);
  expect(group(an("help_needed", "all"), "api")).toBe(group(an("help_needed", "repo:x"), "api"));
  expect(group(an("ci_failed", "repo:x"), "api")).toBe(group(an("ci_failed", "repo:x"), "web"));
  expect(group(an("note", DIRECT), "api")).toBe(group(an("question", DIRECT), "cli"));
  const distinct = [
    group(an("help_needed", "all"), "api"),
    group(an("help_needed", "all"), "web"),
    group(an("help_needed", "all")),
    group(an("blocker_found", "all"), "api"),
    group(an("ci_failed", "repo:x"), "api"),
    group(an("ci_failed", "repo:y"), "api"),
    group(an("note", DIRECT), "api"),
    group(an("note", PERSON_CHANNEL), "api"),
    group(an("note", PERSON_CHANNEL), "web"),
    group(an("done", "all", { level: "actionable" }), "api"),
  ];
  expect(new Set(distinct).size).toBe(distinct.length);
});
