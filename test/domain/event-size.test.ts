import { describe, expect, test } from "bun:test";
import { bytesInAnswer, bytesInAnswerAtMost, type Event, eventOf } from "../../src/domain/event.ts";
import { EventPage } from "../../src/domain/event_page.ts";

const PAYLOADS = {
  plain: "deployed",
  "quotes and backslashes": '{"path":"C:\\\\temp"}',
  "control characters": "a\nb\u0001c\u007f",
  "several bytes each": "é😀\u2028",
  "half a character": "\ud800",
};

describe("the size of an event in an answer", () => {
  test.each(Object.entries(PAYLOADS))("is exact: %s", (_, payload) => {
    const draft = { event_type: "t", payload, session_id: "s", channel: "all", origin: "local" };
    const event = eventOf(1, "2026-01-01T00:00:00.000Z", draft);
    const answer = { text: JSON.stringify({ event }), structured: { event } };
    const empty = { text: JSON.stringify({ event: 0 }), structured: { event: 0 } };
    const grown = Buffer.byteLength(JSON.stringify(answer)) - Buffer.byteLength(JSON.stringify(empty));
    expect(bytesInAnswer(event)).toBe(grown + 2);
  });

  test.each(Object.entries(PAYLOADS))("is at most its bound: %s", (_, payload) => {
    const text = payload.repeat(100);
    const others = { title: text, tags: Array(20).fill(payload), correlation_id: text };
    const draft = { event_type: text, payload: text, session_id: text, channel: text, origin: text };
    for (const more of [{}, others, { tags: [""] }]) {
      const event = eventOf(Number.MAX_SAFE_INTEGER, "2026-01-01T00:00:00.000Z", { ...draft, ...more });
      expect(bytesInAnswer(event)).toBeLessThanOrEqual(bytesInAnswerAtMost(event));
    }
  });
});

test.each(Object.entries(PAYLOADS))("a page holds all that its size allows: %s", (_, payload) => {
  const draft = { event_type: "t", session_id: "s", channel: "all", origin: "local" };
  const at = "2026-01-01T00:00:00.000Z";
  const events = [1, 2, 50, 3, 4].map((times, i) =>
    eventOf(i + 1, at, { ...draft, payload: payload.repeat(times) }),
  );
  const sum = (some: readonly Event[]) => some.reduce((bytes, event) => bytes + bytesInAnswer(event), 0);
  for (let count = 1; count <= events.length; count++) {
    const most_bytes = sum(events.slice(0, count));
    for (const [bytes, held] of [
      [most_bytes, count],
      [most_bytes - 1, Math.max(1, count - 1)],
    ] as const) {
      const page = new EventPage({ order: "asc", limit: 50, most_bytes: bytes });
      for (const event of events) if (!page.add(event)) break;
      expect(page.events).toEqual(events.slice(0, held));
      expect(page.full).toBe(held < events.length);
    }
  }
});
