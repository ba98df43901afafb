import { describe, expect, test } from "bun:test";
import { bytesInAnswer, eventOf } from "../../src/domain/event.ts";

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
});
