import { expect, test } from "bun:test";
import { createWaiters } from "../../src/serve/subscriptions.ts";

test("when the bus stops, waiters that are open and those that still come are over", async () => {
  const waiters = createWaiters(2);
  const before = waiters.open(() => true);
  const waiting = before.next(60_000, new AbortController().signal);
  waiters.end();
  expect(await waiting).toBe(false);
  expect(before.over).toBe(true);
  const after = waiters.open(() => true);
  expect(after.over).toBe(true);
  expect(await after.next(60_000, new AbortController().signal)).toBe(false);
});
