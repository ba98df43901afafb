import { recipientOf } from "./direct_message.ts";
import type { EventDraft } from "./event.ts";
import type { ActiveWebhooks } from "./outbox.ts";
import { EXPIRE_MS } from "./retry_schedule.ts";
import type { Change, Draft } from "./store.ts";
import type { Delivery, Webhook } from "./webhook.ts";
import { webhookMatches } from "./webhook.ts";

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
  /** The newest event beyond the limit; undefined if there are not that many. */
  beyond: number | undefined;
  most: number;
}

/** Why a pending delivery expires; null if it stays. A paused webhook's stay at any age, but not in any number. */
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
