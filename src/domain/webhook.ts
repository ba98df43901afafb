import { composed } from "../lib/unicode_form.ts";
import type { Event, EventDraft } from "./event.ts";

export interface Webhook {
  webhook_id: number;
  url: string;
  /** Exact channel or a prefix of it. Null matches every channel. */
  channel: string | null;
  event_types: readonly string[] | null;
  secret: string | null;
  /** Also signs until `secret_old_until` (ms), so that a receiver can change over. */
  secret_old: string | null;
  secret_old_until: number;
  active: boolean;
  /** One delivery at a time, each event waiting for the one before. */
  ordered: boolean;
  /** Registered from this machine: private addresses and loopback are allowed. */
  local: boolean;
  created_at: string;
  /** The reason why the bus paused it. Null if the user did, or if it is active. */
  paused_reason: string | null;
  last_success: string | null;
  last_failure: string | null;
  /** The last failure: a status or a reason. */
  last_error: string | null;
  /** First failure since the last success (ms). Null if the last attempt succeeded. */
  failing_since: number | null;
}

/** True if an event passes a webhook's filters (WIRE.md 7), active or not. */
export function webhookMatches(
  webhook: Pick<Webhook, "channel" | "event_types">,
  event: Pick<EventDraft, "channel" | "event_type">,
): boolean {
  if (webhook.channel !== null && !event.channel.startsWith(composed(webhook.channel))) return false;
  return webhook.event_types === null || webhook.event_types.includes(event.event_type);
}

export const DELIVERY_STATES = ["pending", "in_flight", "delivered", "dead", "expired"] as const;
export type DeliveryState = (typeof DELIVERY_STATES)[number];

/** One event on its way to one webhook. `in_flight` is a pending one that is being sent at this moment. */
export interface Delivery {
  delivery_id: number;
  webhook_id: number;
  event_id: number;
  state: DeliveryState;
  attempts: number;
  /** Time of the next attempt (ms). 0 = at once, in event order. */
  next_at: number;
  created_at: number;
  /** Sent again on request. */
  redelivery: boolean;
  last_status: number | null;
  last_error: string | null;
  last_at: number | null;
  last_ms: number | null;
}

/** The outcome of one POST. */
export interface Outcome {
  /** HTTP status. Null if there was no answer. */
  status: number | null;
  /** The reason why it does not count as delivered. Null if it does. */
  error: string | null;
  /** The receiver's Retry-After (ms). 0 if it gave none. */
  retryAfterMs: number;
  ms: number;
}

/** The side of the bus that sends deliveries, as handlers see it. */
export interface Deliveries {
  /** Tells that this webhook changed, or got deliveries again: an attempt starts soon. Never waits. */
  poke(webhookId: number): void;
  /** Ids of deliveries that are being sent at this moment. */
  inFlight(): ReadonlySet<number>;
  /** Sends a `webhook_test` event that is not stored. */
  test(webhook: Webhook): Promise<Outcome>;
  /** The reason why a URL may not be registered, as a sentence. Null if it may. */
  refuseUrl(url: string, local: boolean): Promise<string | null>;
}

/** The body of a delivery: the keys of the original, in its order, and what an event may have besides. */
export function webhookBody(event: Event): string {
  return JSON.stringify({
    event_id: event.id,
    event_type: event.event_type,
    payload: event.payload,
    session_id: event.session_id,
    timestamp: event.timestamp,
    channel: event.channel,
    correlation_id: event.correlation_id,
    signal_level: event.signal_level,
    title: event.title,
    tags: event.tags,
  });
}

/** The problem with a webhook's URL, as a sentence. Null if it may be registered. */
export function webhookUrlProblem(text: string): string | null {
  if (!URL.canParse(text))
    return `url: "${text}" is not a URL. Give a full one, like https://example.com/events.`;
  const url = new URL(text);
  if (url.protocol !== "http:" && url.protocol !== "https:")
    return `url: ${url.protocol}// is not supported. Give an http:// or https:// URL.`;
  if (url.username !== "" || url.password !== "")
    return "url: a user name or password in the URL is not supported. Use the webhook's secret instead.";
  if (url.port === "0") return "url: nothing can be reached at port 0. Give the port of the receiver.";
  return null;
}

/** A webhook's URL for logs. Its query, or a user in it, may be a secret of the receiver. */
export function withoutSecrets(url: string): string {
  return url.replace(/[?#].*$/s, "?…").replace(/\/\/[^/]*@/, "//…@");
}
