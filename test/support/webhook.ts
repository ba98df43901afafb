import { Database } from "bun:sqlite";
import type { Delivery, Outcome, Webhook } from "../../src/domain/webhook.ts";
import type { Clock } from "../../src/lib/steady_clock.ts";
import type { Target } from "../../src/webhooks/post.ts";
import { parseNetworks } from "../../src/webhooks/target.ts";
import type { TestBus } from "./bus.ts";

export const HOUR = 3_600_000;

/** A clock that stands until it is told otherwise. */
export class TestClock implements Clock {
  /** Every jump of any of them, ms. */
  static readonly jumps: number[] = [];
  #wall: number;
  #steady: number;
  constructor(start: number = Date.parse("2026-03-01T12:00:00Z")) {
    this.#wall = start;
    this.#steady = start;
  }
  wall = () => this.#wall;
  steady = () => this.#steady;
  /** The pump looks again soon: time passes in steps that it cannot foresee. */
  until = (steady: number) => (steady <= this.#steady ? 0 : 10);
  /** Time passes. */
  pass(ms: number): void {
    this.#wall += ms;
    this.#steady += ms;
  }
  /** Someone sets the wall clock. */
  jump(ms: number): void {
    TestClock.jumps.push(ms);
    this.#wall += ms;
  }
}

export function aDelivery(more: Partial<Delivery> = {}): Delivery {
  return {
    ...{
      delivery_id: 1,
      webhook_id: 1,
      event_id: 1,
      state: "pending",
      attempts: 0,
      next_at: 0,
      created_at: 0,
    },
    ...{ redelivery: false, last_status: null, last_error: null, last_at: null, last_ms: null },
    ...more,
  };
}

export function aWebhook(more: Partial<Webhook> = {}): Webhook {
  return {
    ...{ webhook_id: 1, url: "https://example.com/", channel: null, event_types: null, secret: null },
    ...{ secret_old: null, secret_old_until: 0, active: true, ordered: false, local: true },
    ...{ created_at: "2026-01-31T08:00:00.000Z", paused_reason: null, last_success: null },
    ...{ last_failure: null, last_error: null, failing_since: null },
    ...more,
  };
}

export function anOutcome(status: number | null, retryAfterMs = 0): Outcome {
  const error = status !== null && status >= 200 && status < 300 ? null : `HTTP ${status}`;
  return { status, error, retryAfterMs, ms: 1 };
}

/** Registers a webhook and returns its id. */
export async function hook(bus: TestBus, url: string, more: Record<string, unknown> = {}): Promise<number> {
  const answer = await bus.call("register_webhook", { url, ...more });
  if (answer?.webhook_id === undefined) throw new Error(`not registered: ${JSON.stringify(answer)}`);
  return answer.webhook_id;
}

/** What `list_webhooks` says about one. */
// biome-ignore lint/suspicious/noExplicitAny: tests look into it
export async function hookOf(bus: TestBus, id: number): Promise<any> {
  const { result } = await bus.call("list_webhooks", { active_only: false });
  return result.find((webhook: { webhook_id: number }) => webhook.webhook_id === id);
}

// biome-ignore lint/suspicious/noExplicitAny: tests look into it
export async function deliveriesOf(bus: TestBus, webhook_id: number, more = {}): Promise<any[]> {
  return (await bus.call("list_deliveries", { webhook_id, limit: 1000, ...more })).result;
}

/**
 * Resolves when `check` is true; rejects after `ms`, naming what it waited for. Asks more rarely the longer it takes, because a
 * check costs time that other tests need.
 */
export async function eventually(
  what: string,
  check: () => boolean | Promise<boolean>,
  ms = 30_000,
): Promise<void> {
  const began = performance.now();
  while (!(await check())) {
    const waited = performance.now() - began;
    if (waited > ms) throw new Error(`not in ${ms} ms: ${what}`);
    await Bun.sleep(Math.min(Math.max(waited / 10, 5), 100));
  }
}

/** Changes a database whose bus does not run. */
export function change(path: string, sql: string): void {
  const db = new Database(path);
  try {
    db.run(sql);
  } finally {
    db.close();
  }
}

/** The jumps so far, for a test file's figure. */
export function jumpsInWords(): string {
  const { jumps } = TestClock;
  const forward = jumps.filter((ms) => ms > 0).length;
  const furthest = Math.max(...jumps.map(Math.abs)) / (24 * HOUR);
  return `${jumps.length} jumps of the clock (${forward} forward, ${jumps.length - forward} back), the furthest of ${furthest} days`;
}

export function percentile(numbers: readonly number[], part: number): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length * part)] ?? Number.NaN;
}

/** A target whose every name is 127.0.0.1. */
export function targetOf(url: string, more: Partial<Target> = {}): Target {
  const policy = { lookup: async () => ["127.0.0.1"], allowed: parseNetworks(""), ownPort: () => 0 };
  return {
    url,
    local: true,
    policy,
    timeoutMs: 2_000,
    wall: Date.now,
    signal: new AbortController().signal,
    ...more,
  };
}
