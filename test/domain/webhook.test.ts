import { expect, test } from "bun:test";
import { eventOf } from "../../src/domain/event.ts";
import { type Webhook, webhookBody, webhookMatches, webhookUrlProblem } from "../../src/domain/webhook.ts";

function webhook(more: Partial<Webhook>): Webhook {
  return {
    webhook_id: 1,
    url: "https://example.com/",
    channel: null,
    event_types: null,
    secret: null,
    secret_old: null,
    secret_old_until: 0,
    active: true,
    ordered: false,
    local: true,
    created_at: "2026-01-31T08:00:00.000Z",
    paused_reason: null,
    last_success: null,
    last_failure: null,
    last_error: null,
    failing_since: null,
    ...more,
  };
}

const event = (event_type: string, channel: string) =>
  eventOf(1, "2026-01-31T08:00:00.000Z", {
    event_type,
    channel,
    payload: "p",
    session_id: "s",
    origin: null,
  });

const cases: [webhook: Partial<Webhook>, type: string, channel: string, matches: boolean][] = [
  [{}, "anything", "all", true],
  [{ active: false }, "anything", "all", true],
  [{ channel: "repo:x" }, "t", "repo:x", true],
  [{ channel: "repo:" }, "t", "repo:x", true],
  [{ channel: "repo:" }, "t", "repo:", true],
  [{ channel: "repo" }, "t", "repo:x", true],
  [{ channel: "repo:x" }, "t", "repo:xylo", true],
  [{ channel: "repo:x" }, "t", "repo:", false],
  [{ channel: "repo:x" }, "t", "Repo:x", false],
  [{ channel: "repo:" }, "t", "my-repo:x", false],
  [{ channel: "session:" }, "t", "all", false],
  [{ event_types: ["a", "b"] }, "b", "all", true],
  [{ event_types: ["a", "b"] }, "c", "all", false],
  [{ event_types: ["a"] }, "ab", "all", false],
  [{ event_types: [] }, "a", "all", false],
  [{ channel: "repo:", event_types: ["a"] }, "a", "repo:x", true],
  [{ channel: "repo:", event_types: ["a"] }, "a", "all", false],
  [{ channel: "repo:", event_types: ["a"] }, "b", "repo:x", false],
];

for (const [filter, type, channel, matches] of cases)
  test(`${JSON.stringify(filter)} ${matches ? "gets" : "does not get"} ${type} on ${channel}`, () => {
    expect(webhookMatches(webhook(filter), event(type, channel))).toBe(matches);
  });

test("the body has the original's keys in the original's order, title and tags only when set", () => {
  const keys = ["event_id", "event_type", "payload", "session_id", "timestamp", "channel"];
  const always = [...keys, "correlation_id", "signal_level"];
  expect(Object.keys(JSON.parse(webhookBody(event("t", "all"))))).toEqual(always);
  const full = { ...event("t", "all"), title: "T", tags: ["a"] };
  expect(Object.keys(JSON.parse(webhookBody(full)))).toEqual([...always, "title", "tags"]);
  expect(JSON.parse(webhookBody(full))).toMatchObject({ event_id: 1, correlation_id: null, title: "T" });
});

const urls: [url: string, problem: RegExp | null][] = [
  ["http://127.0.0.1:9000/hook", null],
  ["https://example.com/a?b=c#d", null],
  ["HTTPS://EXAMPLE.COM", null],
  ["http://[::1]/", null],
  ["", /is not a URL/],
  ["example.com/hook", /is not a URL/],
  ["http://", /is not a URL/],
  ["ftp://example.com/", /^url: ftp:\/\/ is not supported/],
  ["file:///etc/passwd", /^url: file:/],
  ["javascript:alert(1)", /^url: javascript:/],
  ["https://me:secret@example.com/", /user name or password/],
  ["https://me@example.com/", /user name or password/],
  ["http://example.com:0/", /^url: nothing can be reached at port 0/],
  ["https://example.com:000/", /^url: nothing can be reached at port 0/],
];

for (const [url, problem] of urls)
  test(`${JSON.stringify(url)} ${problem === null ? "may be registered" : "is refused with a reason"}`, () => {
    if (problem === null) expect(webhookUrlProblem(url)).toBeNull();
    else expect(webhookUrlProblem(url)).toMatch(problem);
  });
