import { isLoopbackUrl } from "../lib/loopback.ts";
import { recipientOf } from "./direct_message.ts";
import type { EventDraft } from "./event.ts";
import { needOf, settledBy } from "./event_need.ts";
import type { ActiveWebhooks, Settlement } from "./outbox.ts";
import { EXPIRE_MS, GIVE_UP_MS, waitAfter } from "./retry_schedule.ts";
import type { Change, Draft } from "./store.ts";
import { type Delivery, type Outcome, type Webhook, webhookMatches } from "./webhook.ts";

/** Decides who gets an event: nobody their own direct message, no webhook the event of its own pause. */
export function addressed(
  event: EventDraft,
  { webhooks, revision }: ActiveWebhooks,
  change: Change | null = null,
): Draft {
  const recipient = recipientOf(event.channel);
  const paused = change?.kind === "pause" ? change.webhookId : undefined;
  const webhookIds: number[] = [];
  for (const webhook of webhooks)
    if (webhook.webhook_id !== paused && webhookMatches(webhook, event)) webhookIds.push(webhook.webhook_id);
  return {
    event,
    recipient: recipient === event.session_id ? null : recipient,
    webhookIds,
    revision,
    change,
    need: needOf(event),
    settles: change?.kind === "answer" ? null : settledBy(event),
  };
}

/** Picks at most `limit` due deliveries. One place is for a retry, so that a backlog does not hold retries back. */
export function pickDue(
  retries: readonly Delivery[],
  due: readonly Delivery[],
  limit: number,
  skip: ReadonlySet<number>,
): Delivery[] {
  const free = (delivery: Delivery) => !skip.has(delivery.delivery_id);
  const retry = retries.find(free);
  const others = due.filter((delivery) => free(delivery) && delivery.delivery_id !== retry?.delivery_id);
  return (retry === undefined ? others : [retry, ...others]).slice(0, limit);
}

/** Picks the oldest delivery of an ordered webhook once it is due, and no other. */
export function pickHead(head: Delivery | undefined, now: number, skip: ReadonlySet<number>): Delivery[] {
  return head !== undefined && head.next_at <= now && !skip.has(head.delivery_id) ? [head] : [];
}

export interface Backlog {
  /** The newest event beyond the limit. Undefined if there are not that many. */
  beyond: number | undefined;
  most: number;
}

/** Why a pending delivery expires. Null if it stays. A paused webhook's stay at any age, but not in any number. */
export function expiryReason(
  delivery: Delivery,
  webhook: Webhook | undefined,
  { beyond = 0, most }: Backlog,
  now: number,
): string | null {
  if (webhook === undefined) return "the webhook was removed";
  if (delivery.event_id <= beyond) return `more than ${most} deliveries were waiting`;
  return webhook.active && delivery.created_at < now - EXPIRE_MS ? "not delivered in time" : null;
}

const GONE = 410;

export interface Verdict {
  settlement: Settlement;
  /** The reason to pause the whole webhook. Null if it goes on. */
  pause: string | null;
}

/** Decides what follows from an attempt. `steady` in ms, `random` from 0 to 1. */
export function judge(delivery: Delivery, outcome: Outcome, steady: number, random: number): Verdict {
  if (outcome.error === null) return { settlement: { state: "delivered", next_at: 0 }, pause: null };
  if (outcome.status === GONE)
    return { settlement: { state: "dead", next_at: 0 }, pause: "the receiver answered 410 Gone" };
  const wait = waitAfter(delivery.attempts + 1, random, outcome.retryAfterMs);
  if (wait === null) return { settlement: { state: "dead", next_at: 0 }, pause: null };
  return { settlement: { state: "pending", next_at: steady + wait }, pause: null };
}

/**
 * True if the bus may pause a webhook by itself: 72 hours without one success. `now` is steady (ms). A receiver on this
 * machine is never given up, because it comes back with its user.
 */
export function mayGiveUp({ url, failing_since }: Webhook, now: number): boolean {
  return failing_since !== null && now - failing_since >= GIVE_UP_MS && !isLoopbackUrl(url);
}

export function giveUpReason(webhook: Webhook): string {
  return `no success for ${Math.round(GIVE_UP_MS / 3_600_000)} hours (last error: ${webhook.last_error})`;
}
