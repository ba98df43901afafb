import { expect, test } from "bun:test";
import { judge, mayGiveUp } from "../../src/domain/delivery_policy.ts";
import { longestWait, MOST_ATTEMPTS, retryAfterMs, waitAfter } from "../../src/domain/retry_schedule.ts";
import { createClock } from "../../src/lib/steady_clock.ts";
import { isEndpointFailure } from "../../src/webhooks/circuit_breaker.ts";
import { aDelivery, anOutcome, aWebhook, HOUR } from "../support/webhook.ts";

const NOW = 1_800_000_000_000;

/** Follows one delivery that always fails; returns the times of its attempts in hours. */
function failing(random: number): number[] {
  const times = [0];
  for (let [delivery, now] = [aDelivery(), NOW]; ; ) {
    const { settlement } = judge(delivery, anOutcome(500), now, random);
    if (settlement.state === "dead") return times;
    now = settlement.next_at;
    times.push((now - NOW) / HOUR);
    delivery = aDelivery({ attempts: delivery.attempts + 1 });
  }
}

test.each([
  [0, 0.8],
  [0.5, 1],
  [1, 1.2],
])("13 attempts over 71.6 h; the die %d makes that %d times as long", (random, factor) => {
  const times = failing(random);
  expect(times).toHaveLength(13);
  expect(times.at(-1)).toBeCloseTo(71.6 * factor, 0);
  const seconds = times.slice(0, 6).map((hours) => Math.round((hours * 36_000) / factor) / 10);
  expect(seconds).toEqual([0, 0.5, 1.5, 6.5, 36.5, 336.5]);
});

test.each([
  [200, "delivered", null],
  [204, "delivered", null],
  [299, "delivered", null],
  [302, "pending", null],
  [400, "pending", null],
  [404, "pending", null],
  [410, "dead", "the receiver answered 410 Gone"],
  [500, "pending", null],
  [null, "pending", null],
])("%p leaves a delivery %s", (status, state, pause) => {
  const verdict = judge(aDelivery(), anOutcome(status), NOW, 0.5);
  expect([verdict.settlement.state, verdict.pause]).toEqual([state as "dead", pause]);
});

test("a Retry-After holds when it is later than the schedule, at most 24 h", () => {
  expect(waitAfter(1, 0.5, 60_000)).toBe(60_000);
  expect(waitAfter(5, 0.5, 1_000)).toBe(300_000);
  expect(waitAfter(1, 0.5, 1_000 * HOUR)).toBe(24 * HOUR);
  expect(waitAfter(MOST_ATTEMPTS, 0.5, 60_000)).toBeNull();
});

test.each([
  [undefined, 0],
  ["", 0],
  ["soon", 0],
  ["-5", 0],
  ["0", 0],
  ["120", 120_000],
  [" 7 ", 7_000],
  ["Fri, 15 Jan 2027 08:01:00 GMT", 60_000],
  ["Fri, 15 Jan 2027 07:00:00 GMT", 0],
])("the Retry-After %p means %d ms", (header, ms) => {
  expect(retryAfterMs(header, Date.parse("2027-01-15T08:00:00Z"))).toBe(ms);
});

test("no scheduled wait is longer than the longest one", () => {
  for (let attempts = 1; attempts < MOST_ATTEMPTS; attempts++) {
    expect(waitAfter(attempts, 1)).toBeLessThanOrEqual(Math.ceil(longestWait(attempts, false)));
    expect(waitAfter(attempts, 1, 999 * HOUR)).toBeLessThanOrEqual(longestWait(attempts, true));
  }
});

test.each([
  ["https://example.com/", 72, true],
  ["https://example.com/", 71.9, false],
  ["http://10.0.0.7/", 72, true],
  ["http://127.0.0.1:9/", 1_000, false],
  ["http://127.1/", 1_000, false],
  ["http://localhost/", 1_000, false],
  ["http://localhost./", 1_000, false],
  ["http://bridge.localhost/", 1_000, false],
  ["http://[::1]/", 1_000, false],
  ["http://[::ffff:127.0.0.1]/", 1_000, false],
  ["http://127.example.com/", 72, true],
  ["no URL", 72, true],
])("%s that failed for %d h may be given up: %p", (url, hours, expected) => {
  expect(mayGiveUp(aWebhook({ url, failing_since: NOW - hours * HOUR }), NOW)).toBe(expected);
});

test("only no answer and a 5xx say that the endpoint is down", () => {
  const statuses = [null, 500, 503, 200, 302, 404, 410, 429];
  expect(statuses.filter((status) => isEndpointFailure(anOutcome(status)))).toEqual([null, 500, 503]);
});

test("the steady clock goes on evenly whatever happens to the wall clock", () => {
  let [wall, monotonic] = [NOW, 5];
  const clock = createClock(
    () => wall,
    1,
    () => monotonic,
  );
  expect([clock.steady(), clock.until(NOW + 100)]).toEqual([NOW, 100]);
  for (const jump of [86_400_000, -172_800_000, 1]) {
    wall += jump;
    const before = clock.steady();
    monotonic += 1_000;
    expect([clock.steady() - before, clock.wall()]).toEqual([1_000, wall]);
  }
});

test("speed lets waits pass faster", () => {
  let monotonic = 0;
  const clock = createClock(
    () => NOW,
    100,
    () => monotonic,
  );
  monotonic = 10;
  expect([clock.steady(), clock.until(NOW + 3_000)]).toEqual([NOW + 1_000, 20]);
});
