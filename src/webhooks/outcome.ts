import type { Settlement } from "../domain/outbox.ts";
import { GIVE_UP_MS, waitAfter } from "../domain/retry_schedule.ts";
import type { Delivery, Outcome, Webhook } from "../domain/webhook.ts";
import { isLoopbackUrl } from "../lib/loopback.ts";

const GONE = 410;

export interface Verdict {
  settlement: Settlement;
  /** The whole webhook is paused for this reason; null when it goes on. */
  pause: string | null;
}

/** What an attempt's outcome means for its delivery; `steady` in ms, `random` from 0 to 1. */
export function judge(delivery: Delivery, outcome: Outcome, steady: number, random: number): Verdict {
  if (outcome.error === null) return { settlement: { state: "delivered", next_at: 0 }, pause: null };
  if (outcome.status === GONE)
    return { settlement: { state: "dead", next_at: 0 }, pause: "the receiver answered 410 Gone" };
  const wait = waitAfter(delivery.attempts + 1, random, outcome.retryAfterMs);
  if (wait === null) return { settlement: { state: "dead", next_at: 0 }, pause: null };
  return { settlement: { state: "pending", next_at: steady + wait }, pause: null };
}

/**
 * Whether the bus may stop trying a webhook by itself: three days without one success; `now` in ms. Never for a receiver
 * on this machine, which comes back when its person does.
 */
export function mayGiveUp({ url, failing_since }: Webhook, now: number): boolean {
  return failing_since !== null && now - failing_since >= GIVE_UP_MS && !isLoopbackUrl(url);
}

export function giveUpReason(webhook: Webhook): string {
  return `no success for ${Math.round(GIVE_UP_MS / 3_600_000)} hours; last: ${webhook.last_error}`;
}

/** Whether a failure says that the endpoint itself is down, rather than that it minds this request. */
export function isEndpointFailure(outcome: Outcome): boolean {
  return outcome.error !== null && (outcome.status === null || outcome.status >= 500);
}
