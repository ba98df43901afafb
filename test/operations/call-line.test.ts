import { expect, test } from "bun:test";
import { LOCAL } from "../../src/domain/caller.ts";
import { visibleLine } from "../../src/lib/escape.ts";
import { describeCall } from "../../src/operations/call_log.ts";
import { publishEvent } from "../../src/operations/publish_event.ts";
import { registerWebhook } from "../../src/operations/register_webhook.ts";

const argsOf = (payload: unknown, others: object = {}) =>
  describeCall(publishEvent, { ...others, payload }, { value: { event_id: 7 } }, LOCAL, 1).args;

test("a text stands in the line as JSON, harmless, cut at 60 characters", () => {
  const plain = [0, 1, 57, 58, 59, 60, 119, 120, 121, 500].map((length) => "x".repeat(length));
  const marked = ['"', "\\", "\n", "\x1b[2J", "é", "😀", "\u202e", "\x7f"].flatMap((mark) =>
    [0, 56, 57, 58, 59, 119, 120, 300].map((length) => `${"x".repeat(length)}${mark}y`),
  );
  for (const text of [...plain, ...marked])
    expect(argsOf(text)).toBe(`payload=${visibleLine(JSON.stringify(text.slice(0, 120)), 60)}`);
});

test("arguments stand in the order of the tool's parameters; the session and what is unknown or null do not", () => {
  const others = {
    channel: "all",
    tags: ["a"],
    session_id: "s",
    title: null,
    unknown: 1,
    event_type: "done",
  };
  expect(argsOf("hi", others)).toBe('event_type="done" payload="hi" channel="all" tags=["a"]');
});

const urls: [url: string, shown: string][] = [
  ["https://example.com/in/7", "https://example.com/in/7"],
  ["https://example.com/in?token=hidden&x=1", "https://example.com/in?…"],
  ["https://example.com/#hidden", "https://example.com/?…"],
  ["https://user:hidden@example.com/in", "https://…@example.com/in"],
  ["example.com/in?token=hidden", "example.com/in?…"],
  ["https://example.com/in\n?a=hidden\n?b=hidden", "https://example.com/in\\n?…"],
];
test.each(urls)("a webhook's URL stands in the line without its secrets: %j", (url, shown) => {
  const refusal = { kind: "arguments", reason: `url: "${url}" is not a URL.` } as const;
  for (const outcome of [{ value: { webhook_id: 1 } }, { refusal }]) {
    const line = describeCall(registerWebhook, { url }, outcome, LOCAL, 1);
    expect(line.args).toBe(`url="${shown}"`);
    expect(JSON.stringify(line)).not.toContain("hidden");
  }
});
