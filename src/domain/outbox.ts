import type { Delivery, DeliveryState, Outcome, Webhook } from "./webhook.ts";

export type NewWebhook = Pick<Webhook, "url" | "channel" | "event_types" | "secret" | "ordered" | "local">;

/** The active webhooks, and a number that changes whenever they do. */
export interface ActiveWebhooks {
  webhooks: readonly Webhook[];
  revision: number;
}

export interface Webhooks {
  list(): Promise<readonly Webhook[]>;
  active(): Promise<ActiveWebhooks>;
  get(webhookId: number): Promise<Webhook | undefined>;
  /** Null if `most` are registered already. */
  register(webhook: NewWebhook, most: number): Promise<Webhook | null>;
  /** Pausing freezes what is pending. False if there is no such webhook. */
  setActive(webhookId: number, active: boolean): Promise<boolean>;
  /** Signs with `secret` from here on, and with the old one too until `until` (ms). False if there is no such webhook. */
  rotate(webhookId: number, secret: string, until: number): Promise<boolean>;
  /** Removes a webhook. What was pending for it expires. False if there is no such webhook. */
  unregister(webhookId: number): Promise<boolean>;
}

/** The effect of a finished attempt on its delivery. */
export interface Settlement {
  state: "pending" | "delivered" | "dead";
  /** Due time of the next attempt of a pending delivery (ms). */
  next_at: number;
}

export type WebhookCounts = Record<"pending" | "dead" | "expired", number>;

export interface Tidied {
  expired: { webhookId: number; count: number }[];
  /** There is more to do at once. */
  more: boolean;
}

export interface DeliveryQuery {
  webhook_id?: number | undefined;
  state?: DeliveryState | undefined;
  /** Deliveries that are being sent at this moment. */
  inFlight: ReadonlySet<number>;
  limit: number;
}

/** Events to queue for a webhook again, one page at a time. */
export interface RedeliveryPage {
  webhookId: number;
  /** Only events with a greater id. */
  after: number;
  limit: number;
  /** Leaves out what was ever queued, and enables the webhook with the last page: nothing newer overtakes them. */
  enables: boolean;
}

/** The outbox: events that still have to reach a webhook. Times are steady (ms). */
export interface DeliveryStore {
  /** Deliveries of an active webhook that may start now, at most `limit`, those in `skip` left out. */
  claim(webhook: Webhook, now: number, limit: number, skip: ReadonlySet<number>): Promise<Delivery[]>;
  /** The time at which a pending delivery is next due after `now`. Undefined if no delivery is pending. */
  nextAt(webhook: Webhook, now: number): Promise<number | undefined>;
  /** Records an attempt and what it means for the webhook. */
  settle(delivery: Delivery, settlement: Settlement, outcome: Outcome): Promise<void>;
  /** Gives up a delivery that cannot be sent. */
  expire(delivery: Delivery, reason: string): Promise<void>;
  list(query: DeliveryQuery): Promise<Delivery[]>;
  counts(webhookId: number): Promise<WebhookCounts>;
  /** Queues one event again, whatever the webhook's filter. False if there is no such event. */
  redeliver(webhookId: number, eventId: number): Promise<boolean>;
  /** Queues at most `limit` dead and expired deliveries again. Returns how many. */
  redeliverGivenUp(webhookId: number, limit: number): Promise<number>;
  /** Queues the matching events of a page. `next`: where the next page starts. Undefined after the last one. */
  redeliverMatching(page: RedeliveryPage): Promise<{ queued: number; next: number | undefined }>;
  /** Expires what is too old, too much, or for a removed webhook. Forgets what finished long ago. A bounded step. */
  tidy(mostPending: number): Promise<Tidied>;
  /** Shortens waits that are longer than the schedule: a clock that was set back must not stall a delivery. */
  clamp(): Promise<void>;
}
