import { expect, test } from "bun:test";
import { foldDetails, foldWords } from "../../src/page/folds.ts";
import { type Row, rowsOf } from "../../src/page/rows.ts";
import type { Event } from "../../src/page/types.ts";

const NOON = new Date(2026, 10, 28, 12).getTime();

function event(id: number, more: Partial<Event> = {}): Event {
  return {
    ...{
      id,
      event_type: "note",
      payload: `text ${id}`,
      session_id: "api",
      channel: "all",
      correlation_id: null,
    },
    ...{ timestamp: new Date(NOON + id * 60_000).toISOString(), signal_level: "info" },
    ...more,
  };
}

const visit = (id: number, session_id: string, event_type = "session_registered") =>
  event(id, { session_id, event_type, signal_level: "lifecycle" });

/** A row in a few characters. */
function shortly(row: Row): string {
  switch (row.kind) {
    case "event":
      return `${row.event.id}${row.reply === undefined ? "" : ` ${row.reply}`}`;
    case "earlier":
      return `${row.count} earlier`;
    case "fold":
      return `fold ${row.events.map(({ id }) => id)}`;
    default:
      return row.kind;
  }
}

function rows(events: Event[], { lookedAt = 0, whole = [] as string[] } = {}): string[] {
  return rowsOf(events, { lookedAt, whole: new Set(whole) }).map(shortly);
}

test("a thread stands where its newest message is", () => {
  const events = [event(1, { correlation_id: "a" }), event(2), event(3, { correlation_id: "a" }), event(4)];
  expect(rows(events)).toEqual(["day", "2", "1", "3 last", "4"]);
});

test("an answer to an event without a thread begins one", () => {
  expect(rows([event(1), event(2), event(3, { correlation_id: "event-1" })])).toEqual([
    "day",
    "2",
    "1",
    "3 last",
  ]);
});

test("of a long thread the last two replies are shown, and the others fold", () => {
  const events = Array.from({ length: 6 }, (_, i) => event(i + 1, { correlation_id: "a" }));
  expect(rows(events)).toEqual(["day", "1", "3 earlier", "5 mid", "6 last"]);
  const whole = rows(events, { whole: ["a"] });
  expect(whole).toEqual(["day", "1", "3 earlier", "2 mid", "3 mid", "4 mid", "5 mid", "6 last"]);
});

test("sessions that come and go between other events are one row", () => {
  const events = [visit(1, "api"), visit(2, "web"), event(3), visit(4, "web", "session_unregistered")];
  expect(rows(events)).toEqual(["day", "fold 1,2", "3", "fold 4"]);
});

test("the record of an answer to a dialog is a row, although its level is lifecycle", () => {
  expect(rows([event(1, { event_type: "need_answered", signal_level: "lifecycle" })])).toEqual(["day", "1"]);
});

test("a new day begins a row, and breaks a fold", () => {
  const next = { timestamp: new Date(NOON + 86_400_000).toISOString() };
  expect(rows([visit(1, "api"), { ...visit(2, "web"), ...next }])).toEqual([
    "day",
    "fold 1",
    "day",
    "fold 2",
  ]);
});

test("the first event after the last look has a line above it, unless the person wrote it", () => {
  const lookedAt = NOON + 1.5 * 60_000;
  expect(rows([event(1), event(2), event(3)], { lookedAt })).toEqual(["day", "1", "fresh", "2", "3"]);
  expect(rows([event(1), event(2, { session_id: "human" })], { lookedAt })).toEqual(["day", "1", "2"]);
});

test("a question is answered once the person wrote in its thread", () => {
  const asked = event(1, { correlation_id: "a", channel: "session:human" });
  const answer = event(2, { correlation_id: "a", session_id: "human" });
  const [, row] = rowsOf([asked, answer], { lookedAt: 0, whole: new Set() });
  expect(row).toMatchObject({ isAnswered: true });
});

test("every event is in exactly one row, however threads and folds lie", () => {
  const events = Array.from({ length: 500 }, (_, i) =>
    i % 7 === 0
      ? visit(i + 1, `s${i % 5}`)
      : event(i + 1, { correlation_id: i % 3 === 0 ? `t${i % 11}` : null }),
  );
  const whole = new Set(Array.from({ length: 11 }, (_, i) => `t${i}`));
  const shown = rowsOf(events, { lookedAt: 0, whole }).flatMap((row) =>
    row.kind === "event" ? [row.event.id] : row.kind === "fold" ? row.events.map(({ id }) => id) : [],
  );
  expect(shown.toSorted((a, b) => a - b)).toEqual(events.map(({ id }) => id));
});

test("a fold says how many sessions came and went, and when", () => {
  expect(foldWords([visit(1, "api"), visit(5, "web")])).toBe("2 sessions came, 12:01–12:05");
  expect(foldWords([visit(1, "api"), visit(1, "api", "session_unregistered")])).toBe(
    "1 session came and went, 12:01",
  );
  const other = event(2, { event_type: "ci_watching", signal_level: "lifecycle" });
  expect(foldWords([visit(1, "api"), other])).toBe("1 session came, 1 other event, 12:01–12:02");
  expect(foldWords([other])).toBe("1 event, 12:02");
});

test("an open fold names them, those of one minute together", () => {
  const events = [visit(1, "api"), visit(1, "web"), visit(3, "web", "session_unregistered")];
  expect(foldDetails(events, { web: "the web" })).toEqual([
    "api, the web joined 12:01",
    "the web left 12:03",
  ]);
});
