import type { Event } from "../bus/event.ts";
import { EXPIRE_MS, KEEP_MS } from "../bus/schedule.ts";
import {
  type Delivery,
  type DeliveryState,
  type Outcome,
  type Webhook,
  webhookMatches,
} from "../bus/webhook.ts";
import type { DeliveryRows, Settlement } from "./delivery_rows.ts";
import type { EventRows } from "./events.ts";
import type { WebhookRows } from "./webhooks.ts";
import type { Writer } from "./writer.ts";

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
  /** Deliveries of one webhook that may start now, at most `limit`, those in `skip` left out. */
  claim(webhook: Webhook, now: number, limit: number, skip: ReadonlySet<number>): Promise<Delivery[]>;
  /** When something pending of the webhook is next due, ms; undefined when nothing is pending. */
  nextAt(webhook: Webhook): Promise<number | undefined>;
  /** Records an attempt and what it means for the webhook. */
  settle(delivery: Delivery, settlement: Settlement, outcome: Outcome, now: number): Promise<void>;
  list(query: {
    webhook_id?: number | undefined;
    state?: DeliveryState | undefined;
    limit: number;
  }): Promise<Delivery[]>;
  counts(webhookId: number): Promise<WebhookCounts>;
  /** Queues one event again, whatever the webhook's filter; false when there is no such event. */
  redeliver(webhookId: number, eventId: number, now: number): Promise<boolean>;
  /** Queues every dead and expired delivery again; returns how many. */
  redeliverDead(webhookId: number, now: number): Promise<number>;
  /** Queues the matching events from `since` on, `again` also those that were delivered; returns how many. */
  queueSince(webhook: Webhook, since: number, again: boolean, now: number): Promise<number>;
  /** Gives up what is too old, too much, or for a webhook that is gone; forgets what finished long ago. A bounded step. */
  tidy(now: number, mostPending: number): Promise<Tidied>;
  /** Once at the start: no wait may be longer than the schedule. */
  clamp(now: number): Promise<void>;
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

export function createDeliveries(
  rows: DeliveryRows,
  webhooks: WebhookRows,
  events: EventRows,
  writer: Writer,
): DeliveryStore {
  return {
    takeQueued: rows.takeQueued,
    async claim(webhook, now, limit, skip) {
      if (webhook.ordered) return claimHead(rows, webhook, now, skip);
      const wanted = limit + skip.size;
      const retries = rows.dueRetries(webhook.webhook_id, now, 1 + skip.size);
      const due = rows.due(webhook.webhook_id, now, wanted);
      const free = (delivery: Delivery) => !skip.has(delivery.delivery_id);
      const retry = retries.find(free);
      const others = due.filter((delivery) => free(delivery) && delivery.delivery_id !== retry?.delivery_id);
      return (retry === undefined ? others : [retry, ...others]).slice(0, limit);
    },
    nextAt: async (webhook) =>
      webhook.ordered ? rows.head(webhook.webhook_id)?.next_at : rows.nextAt(webhook.webhook_id),
    settle: (delivery, settlement, outcome, now) =>
      writer.write(() => {
        rows.settle(delivery, settlement, outcome, now);
        const at = new Date(now).toISOString();
        if (outcome.error === null) webhooks.succeeded(delivery.webhook_id, at);
        else webhooks.failed(delivery.webhook_id, at, now, outcome.error);
      }),
    async list({ webhook_id, state, limit }) {
      const ids =
        webhook_id === undefined ? webhooks.all().map((webhook) => webhook.webhook_id) : [webhook_id];
      const found = ids.flatMap((id) =>
        state === undefined ? rows.newest(id, limit) : rows.ofState(id, state, "newest", limit),
      );
      return found.sort((a, b) => b.event_id - a.event_id || a.webhook_id - b.webhook_id).slice(0, limit);
    },
    counts: async (id) => ({
      pending: rows.count(id, "pending"),
      dead: rows.count(id, "dead"),
      expired: rows.count(id, "expired"),
    }),
    redeliver: (webhookId, eventId, now) =>
      writer.write(() => {
        if (events.select({ after: eventId - 1, limit: 1, order: "asc" }).events[0]?.id !== eventId)
          return false;
        rows.restart(webhookId, eventId, now);
        return true;
      }),
    redeliverDead: (webhookId, now) => redeliverDead(rows, writer, webhookId, now),
    queueSince: (webhook, since, again, now) =>
      queueSince({ rows, events, writer }, webhook, since, again, now),
    tidy: (now, mostPending) => writer.write(() => tidy(rows, webhooks, now, mostPending)),
    clamp: (now) =>
      writer.write(() => {
        for (const id of rows.waitingWebhooks()) rows.clamp(id, now);
      }),
  };
}

// Strict order: nothing but the oldest one, and only when its time has come.
function claimHead(rows: DeliveryRows, webhook: Webhook, now: number, skip: ReadonlySet<number>): Delivery[] {
  const head = rows.head(webhook.webhook_id);
  return head !== undefined && head.next_at <= now && !skip.has(head.delivery_id) ? [head] : [];
}

async function redeliverDead(
  rows: DeliveryRows,
  writer: Writer,
  webhookId: number,
  now: number,
): Promise<number> {
  let queued = 0;
  for (const state of ["dead", "expired"] as const) {
    for (let page = PAGE; page === PAGE; queued += page) {
      page = await writer.write(() => {
        const found = rows.ofState(webhookId, state, "oldest", PAGE);
        for (const delivery of found) rows.restart(webhookId, delivery.event_id, now);
        return found.length;
      });
    }
  }
  return queued;
}

async function queueSince(
  { rows, events, writer }: { rows: DeliveryRows; events: EventRows; writer: Writer },
  webhook: Webhook,
  since: number,
  again: boolean,
  now: number,
): Promise<number> {
  const types = webhook.event_types ?? undefined;
  let queued = 0;
  for (let after: number | undefined = since - 1; after !== undefined; ) {
    const start: number = after;
    const page = await writer.write(() => {
      const { events: found, full } = events.select({
        after: start,
        limit: PAGE,
        order: "asc",
        event_types: types,
      });
      const matching = found.filter((event) => webhookMatches(webhook, event));
      if (again) for (const event of matching) rows.restart(webhook.webhook_id, event.id, now);
      const fresh = again
        ? matching
        : matching.filter((event) => rows.enqueue(webhook.webhook_id, event.id, now));
      return { queued: fresh.length, next: full ? found.at(-1)?.id : undefined };
    });
    queued += page.queued;
    after = page.next;
  }
  return queued;
}

function tidy(rows: DeliveryRows, webhooks: WebhookRows, now: number, mostPending: number): Tidied {
  const forgotten = rows.forgetBefore(now - KEEP_MS, PAGE);
  const expired = rows
    .waitingWebhooks()
    .map((id) => ({ webhookId: id, count: expireSome(rows, webhooks.get(id), id, now, mostPending) }))
    .filter(({ count }) => count > 0);
  return { expired, more: forgotten === PAGE || expired.some(({ count }) => count === PAGE) };
}

// What a person paused stays frozen whatever its age; only its number is bounded.
function expireSome(
  rows: DeliveryRows,
  webhook: Webhook | undefined,
  webhookId: number,
  now: number,
  mostPending: number,
): number {
  const over = rows.count(webhookId, "pending") - mostPending;
  const old = (delivery: Delivery) => webhook?.active === true && delivery.created_at < now - EXPIRE_MS;
  let expired = 0;
  for (const delivery of rows.ofState(webhookId, "pending", "oldest", PAGE)) {
    const reason =
      webhook === undefined
        ? "the webhook was removed"
        : expired < over
          ? `more than ${mostPending} deliveries were waiting`
          : old(delivery)
            ? "not delivered in time"
            : null;
    if (reason === null) continue;
    rows.expire(delivery.delivery_id, now, reason);
    expired++;
  }
  return expired;
}
