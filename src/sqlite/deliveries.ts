import type { Event } from "../domain/event.ts";
import { EXPIRE_MS, KEEP_MS } from "../domain/retry_schedule.ts";
import {
  type Delivery,
  type DeliveryState,
  type Outcome,
  type Webhook,
  webhookMatches,
} from "../domain/webhook.ts";
import type { DeliveryRows, Settlement } from "./delivery_rows.ts";
import type { EventRows } from "./events.ts";
import type { Writer } from "./group_commit.ts";
import { createRequeue } from "./redelivery.ts";
import type { WebhookRows } from "./webhooks.ts";

const PAGE = 500;

export interface WebhookCounts {
  pending: number;
  dead: number;
  expired: number;
}

export interface Tidied {
  expired: { webhookId: number; count: number }[];
  /** There is more to do at once. */
  more: boolean;
}

/** The outbox: which event still has to reach which webhook. Rows are made in the transaction of their event. */
export interface DeliveryStore {
  /** Webhooks that something was queued for since the last call. */
  takeQueued(): number[];
  /** Whether there are such webhooks. */
  hasQueued(): boolean;
  /** Deliveries of one webhook that may start now, at most `limit`, those in `skip` left out. */
  claim(webhook: Webhook, now: number, limit: number, skip: ReadonlySet<number>): Promise<Delivery[]>;
  /** When something pending of the webhook that is not due at `now` will be, ms; undefined when there is nothing. */
  nextAt(webhook: Webhook, now: number): Promise<number | undefined>;
  /** Records an attempt and what it means for the webhook. */
  settle(delivery: Delivery, settlement: Settlement, outcome: Outcome): Promise<void>;
  /** Gives up one that cannot be sent. */
  expire(delivery: Delivery, reason: string): Promise<void>;
  list(query: DeliveryQuery): Promise<Delivery[]>;
  counts(webhookId: number): Promise<WebhookCounts>;
  hasDead(webhookId: number): Promise<boolean>;
  /** Queues one event again, whatever the webhook's filter; false when there is no such event. */
  redeliver(webhookId: number, eventId: number): Promise<boolean>;
  /** Queues every dead and expired delivery again; returns how many. */
  redeliverDead(webhookId: number): Promise<number>;
  /** Queues the matching events from `since` on, also those that were delivered; returns how many. */
  redeliverSince(webhookId: number, since: number): Promise<number>;
  /**
   * Queues the matching events from `since` on that were never queued and enables the webhook with the last of them, so
   * that nothing newer overtakes them; returns how many.
   */
  enableSince(webhookId: number, since: number): Promise<number>;
  /** Gives up what is too old, too much, or for a webhook that is gone; forgets what finished long ago. A bounded step. */
  tidy(mostPending: number): Promise<Tidied>;
  /** Once at the start: no wait may be longer than the schedule. */
  clamp(): Promise<void>;
}

export interface DeliveryQuery {
  webhook_id?: number | undefined;
  state?: DeliveryState | undefined;
  /** Deliveries that are being sent at this moment. */
  inFlight: ReadonlySet<number>;
  limit: number;
}

/** Queues a new event for every active webhook it matches; called inside the event's own transaction. */
export function enqueueMatching(
  webhooks: WebhookRows,
  deliveries: DeliveryRows,
  event: Event,
  now: number,
): void {
  for (const webhook of webhooks.all())
    if (webhook.active && webhookMatches(webhook, event))
      deliveries.enqueue(webhook.webhook_id, event.id, now);
}

export interface OutboxParts {
  rows: DeliveryRows;
  webhooks: WebhookRows;
  events: EventRows;
  writer: Writer;
  /** Wall clock, ms: what is shown. */
  now(): number;
  /** Never jumps, ms: what is compared. */
  steady(): number;
}

export function createDeliveries(parts: OutboxParts): DeliveryStore {
  const { rows, webhooks, writer, now, steady } = parts;
  return {
    takeQueued: rows.takeQueued,
    hasQueued: rows.hasQueued,
    claim: async (webhook, at, limit, skip) =>
      webhook.ordered ? claimHead(rows, webhook, at, skip) : claim(rows, webhook, at, limit, skip),
    nextAt: async (webhook, at) =>
      webhook.ordered ? rows.head(webhook.webhook_id)?.next_at : rows.nextAt(webhook.webhook_id, at),
    settle: (delivery, settlement, outcome) =>
      writer.write(() => {
        rows.settle(delivery, settlement, outcome, now());
        const at = new Date(now()).toISOString();
        if (outcome.error === null) webhooks.succeeded(delivery.webhook_id, at);
        else webhooks.failed(delivery.webhook_id, at, steady(), outcome.error);
      }),
    expire: (delivery, reason) => writer.write(() => rows.expire(delivery.delivery_id, now(), reason)),
    list: async (query) => list(parts, query),
    counts: async (id) => ({
      pending: rows.count(id, "pending"),
      dead: rows.count(id, "dead"),
      expired: rows.count(id, "expired"),
    }),
    hasDead: async (id) => rows.ofState(id, "dead", "newest", 1).length > 0,
    ...createRequeue(parts),
    tidy: (mostPending) => writer.write(() => tidy(parts, mostPending)),
    clamp: () =>
      writer.write(() => {
        for (const id of rows.waitingWebhooks()) rows.clamp(id, steady());
      }),
  };
}

// One place is for a retry, so that a backlog of new events does not hold retries back.
function claim(
  rows: DeliveryRows,
  webhook: Webhook,
  now: number,
  limit: number,
  skip: ReadonlySet<number>,
): Delivery[] {
  const free = (delivery: Delivery) => !skip.has(delivery.delivery_id);
  const retry = rows.dueRetries(webhook.webhook_id, now, 1 + skip.size).find(free);
  const due = rows.due(webhook.webhook_id, now, limit + skip.size);
  const others = due.filter((delivery) => free(delivery) && delivery.delivery_id !== retry?.delivery_id);
  return (retry === undefined ? others : [retry, ...others]).slice(0, limit);
}

// Strict order: nothing but the oldest one, and only when its time has come.
function claimHead(rows: DeliveryRows, webhook: Webhook, now: number, skip: ReadonlySet<number>): Delivery[] {
  const head = rows.head(webhook.webhook_id);
  return head !== undefined && head.next_at <= now && !skip.has(head.delivery_id) ? [head] : [];
}

function list({ rows, webhooks, now, steady }: OutboxParts, query: DeliveryQuery): Delivery[] {
  const { webhook_id, state, inFlight, limit } = query;
  const ids = webhook_id === undefined ? webhooks.all().map((webhook) => webhook.webhook_id) : [webhook_id];
  const read = (id: number) =>
    state === undefined
      ? rows.newest(id, limit)
      : rows.ofState(id, state, "newest", state === "pending" ? limit + inFlight.size : limit);
  const found =
    state === "in_flight"
      ? [...inFlight].flatMap((id) => rows.byId(id) ?? []).filter((row) => ids.includes(row.webhook_id))
      : ids.flatMap(read);
  const ahead = now() - steady();
  return found
    .map((row) => ({
      ...row,
      state: inFlight.has(row.delivery_id) ? ("in_flight" as const) : row.state,
      next_at: row.next_at === 0 ? 0 : row.next_at + ahead,
    }))
    .filter((row) => state === undefined || row.state === state)
    .sort((a, b) => b.event_id - a.event_id || a.webhook_id - b.webhook_id)
    .slice(0, limit);
}

function tidy({ rows, webhooks, now, steady }: OutboxParts, mostPending: number): Tidied {
  // A clock that was set forward must not forget what a person has had no time to look at.
  const forgotten = rows.forgetBefore(Math.min(now(), steady()) - KEEP_MS, PAGE);
  const expired: Tidied["expired"] = [];
  let left = PAGE;
  for (const webhookId of rows.waitingWebhooks()) {
    if (left === 0) break;
    const reason = expiry(
      webhooks.get(webhookId),
      rows.beyond(webhookId, mostPending),
      mostPending,
      steady(),
    );
    const count = expireSome(rows, webhookId, reason, left, now());
    if (count > 0) expired.push({ webhookId, count });
    left -= count;
  }
  return { expired, more: forgotten === PAGE || left === 0 };
}

function expireSome(
  rows: DeliveryRows,
  webhookId: number,
  reason: (delivery: Delivery) => string | null,
  most: number,
  at: number,
): number {
  let count = 0;
  for (const delivery of rows.ofState(webhookId, "pending", "oldest", most)) {
    const why = reason(delivery);
    if (why === null) continue;
    rows.expire(delivery.delivery_id, at, why);
    count++;
  }
  return count;
}

// What a person paused stays frozen whatever its age; only its number is bounded.
function expiry(
  webhook: Webhook | undefined,
  beyond: number | undefined,
  mostPending: number,
  now: number,
): (delivery: Delivery) => string | null {
  if (webhook === undefined) return () => "the webhook was removed";
  return (delivery) => {
    if (delivery.event_id <= (beyond ?? 0)) return `more than ${mostPending} deliveries were waiting`;
    return webhook.active && delivery.created_at < now - EXPIRE_MS ? "not delivered in time" : null;
  };
}
