import { expect, test } from "bun:test";
import { Breaker } from "../../src/webhooks/circuit_breaker.ts";

function opened(at = 0): Breaker {
  const breaker = new Breaker();
  for (let i = 0; i < 5; i++) breaker.failed(at);
  return breaker;
}

test("four failures in a row change nothing, the fifth opens", () => {
  const breaker = new Breaker();
  for (let i = 0; i < 4; i++) breaker.failed(0);
  expect([breaker.open, breaker.allowance(0, 0, 4)]).toEqual([false, 4]);
  breaker.failed(0);
  expect([breaker.open, breaker.allowance(0, 0, 4)]).toEqual([true, 0]);
});

test("an answer in between starts the count anew", () => {
  const breaker = new Breaker();
  for (let i = 0; i < 20; i++) {
    breaker.failed(0);
    if (i % 4 === 3) breaker.answered();
  }
  expect(breaker.open).toBe(false);
});

test("while it is open one probe at a time, after 5 s and then twice as long up to 5 min", () => {
  const breaker = opened();
  let now = 0;
  for (const wait of [5, 10, 20, 40, 80, 160, 300, 300, 300]) {
    expect(breaker.notBefore).toBe(now + wait * 1_000);
    expect(breaker.allowance(breaker.notBefore - 1, 0, 4)).toBe(0);
    now = breaker.notBefore;
    expect(breaker.allowance(now, 0, 4)).toBe(1);
    expect(breaker.allowance(now, 1, 4)).toBe(0);
    breaker.started(now);
    breaker.failed(now);
  }
});

test("attempts that were under way when it opened do not lengthen the wait", () => {
  const breaker = opened();
  for (let i = 0; i < 3; i++) breaker.failed(10);
  expect(breaker.notBefore).toBe(5_000);
});

test("after it recovered at most 50 attempts a second start, however fast the answers are", () => {
  const breaker = opened();
  breaker.answered();
  let started = 0;
  for (let now = 5_000; now < 6_000; now++)
    for (let running = 0; breaker.allowance(now, running, 4) > 0; ) {
      breaker.started(now);
      breaker.answered();
      started++;
    }
  expect(started).toBe(50);
  breaker.drained();
  expect(breaker.allowance(6_000, 0, 4)).toBe(4);
});

test("a pause the endpoint asked for is not ended by the answer to an earlier request", () => {
  const breaker = new Breaker();
  breaker.holdUntil(60_000);
  breaker.answered();
  expect(breaker.allowance(59_999, 0, 4)).toBe(0);
  expect(breaker.allowance(60_000, 0, 4)).toBe(4);
});

test("a person who asks sees it tried at once", () => {
  const breaker = opened();
  breaker.holdUntil(1_000_000);
  breaker.retryNow();
  expect(breaker.allowance(1, 0, 4)).toBe(1);
});
