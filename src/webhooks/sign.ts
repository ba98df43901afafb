import { BUS_ITSELF, type Event } from "../domain/event.ts";
import { type Delivery, type Webhook, webhookBody } from "../domain/webhook.ts";
import { hmac } from "../lib/hmac.ts";

export interface Sender {
  busId: string;
  version: string;
}

export interface Message {
  headers: Record<string, string>;
  body: string;
}

/** The POST of a test: an event that is not stored. */
export function testMessage(sender: Sender, webhook: Webhook, now: number): Promise<Message> {
  const event: Event = {
    id: 0,
    event_type: "webhook_test",
    payload: `A test of webhook ${webhook.webhook_id}`,
    session_id: BUS_ITSELF,
    timestamp: new Date(now).toISOString(),
    channel: "all",
    correlation_id: null,
    signal_level: "info",
  };
  return deliveryMessage(sender, webhook, event, { attempts: 0, redelivery: false }, now, `test${now}`);
}

/** The POST of one attempt (WIRE.md 7). The same bytes are signed and sent. `now` is wall time (ms). */
export async function deliveryMessage(
  sender: Sender,
  webhook: Webhook,
  event: Event,
  delivery: Pick<Delivery, "attempts" | "redelivery">,
  now: number,
  name = String(event.id),
): Promise<Message> {
  const id = `msg_${sender.busId}_${name}`;
  const body = webhookBody(event);
  const timestamp = Math.floor(now / 1000);
  const headers: Record<string, string> = {
    "Content-Type": "application/json",
    "User-Agent": `agent-event-bus/${sender.version}`,
    "webhook-id": id,
    "webhook-timestamp": String(timestamp),
    "X-Event-Bus-Attempt": String(delivery.attempts + 1),
  };
  if (delivery.redelivery) headers["X-Event-Bus-Redelivery"] = "1";
  if (webhook.secret === null) return { headers, body };
  const old = webhook.secret_old !== null && now < webhook.secret_old_until ? [webhook.secret_old] : [];
  const signatures = [webhook.secret, ...old].map((secret) => signDelivery(secret, id, timestamp, body));
  headers["X-Event-Bus-Signature"] = await signBody(webhook.secret, body);
  headers["webhook-signature"] = (await Promise.all(signatures)).join(" ");
  return { headers, body };
}

/** Signature of the original bus: `sha256=` and the hex HMAC-SHA256 of the body. */
export async function signBody(secret: string, body: string): Promise<string> {
  return `sha256=${Buffer.from(await hmac(encoder.encode(secret), body)).toString("hex")}`;
}

/** Signature of Standard Webhooks: `v1,` and the base64 HMAC-SHA256 of `id.timestamp.body`. */
export async function signDelivery(
  secret: string,
  id: string,
  timestamp: number,
  body: string,
): Promise<string> {
  const digest = await hmac(signingKey(secret), `${id}.${timestamp}.${body}`);
  return `v1,${Buffer.from(digest).toString("base64")}`;
}

// Standard Webhooks: `whsec_` marks a base64 key. Any other secret is its own bytes.
function signingKey(secret: string): Uint8Array {
  return secret.startsWith("whsec_")
    ? Buffer.from(secret.slice("whsec_".length), "base64")
    : encoder.encode(secret);
}

const encoder = new TextEncoder();
