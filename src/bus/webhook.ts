import type { Event } from "./event.ts";

export interface Webhook {
  webhook_id: number;
  url: string;
  /** Exact channel or a prefix of it; null matches every channel. */
  channel: string | null;
  event_types: readonly string[] | null;
  secret: string | null;
  active: boolean;
  created_at: string;
}

/** Whether an event goes to a webhook (WIRE.md 7). An inactive webhook gets nothing. */
export function webhookMatches(webhook: Webhook, event: Event): boolean {
  if (!webhook.active) return false;
  if (webhook.channel !== null && !event.channel.startsWith(webhook.channel)) return false;
  return webhook.event_types === null || webhook.event_types.includes(event.event_type);
}

/** The body of a delivery: the keys of the original, in its order. */
export function webhookBody(event: Event): string {
  const { id, title, tags, ...fields } = event;
  return JSON.stringify({
    event_id: id,
    event_type: fields.event_type,
    payload: fields.payload,
    session_id: fields.session_id,
    timestamp: fields.timestamp,
    channel: fields.channel,
    correlation_id: fields.correlation_id,
    signal_level: fields.signal_level,
    ...(title === undefined ? {} : { title }),
    ...(tags === undefined ? {} : { tags }),
  });
}

/** What is wrong with a webhook's URL, as a sentence; null when it may be registered. */
export function webhookUrlProblem(text: string): string | null {
  if (!URL.canParse(text))
    return `url: "${text}" is not a URL. Give a full one, like https://example.com/events.`;
  const url = new URL(text);
  if (url.protocol !== "http:" && url.protocol !== "https:")
    return `url: ${url.protocol}// is not supported. Give an http:// or https:// URL.`;
  if (url.username !== "" || url.password !== "")
    return "url: a user name or password in the URL is not supported. Use the webhook's secret instead.";
  return null;
}
