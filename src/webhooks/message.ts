import type { Event } from "../domain/event.ts";
import { type Delivery, type Webhook, webhookBody } from "../domain/webhook.ts";
import { signBody, signDelivery } from "./sign.ts";

export interface Sender {
  busId: string;
  version: string;
}

export interface Message {
  headers: Record<string, string>;
  body: string;
}

/** The POST of one attempt (WIRE.md 7): the body is made once, the same bytes are signed and sent. `now` is wall time, ms. */
export async function deliveryMessage(
  sender: Sender,
  webhook: Webhook,
  event: Event,
  delivery: Pick<Delivery, "attempts" | "redelivery">,
  now: number,
): Promise<Message> {
  const message = await signedMessage(sender, webhook, event, `msg_${sender.busId}_${event.id}`, now);
  message.headers["X-Event-Bus-Attempt"] = String(delivery.attempts + 1);
  if (delivery.redelivery) message.headers["X-Event-Bus-Redelivery"] = "1";
  return message;
}

/** The POST of a test: an event that is not stored. */
export async function testMessage(sender: Sender, webhook: Webhook, now: number): Promise<Message> {
  const event: Event = {
    id: 0,
    event_type: "webhook_test",
    payload: `A test of webhook ${webhook.webhook_id}`,
    session_id: "agent-event-bus",
    timestamp: new Date(now).toISOString(),
    channel: "all",
    correlation_id: null,
    signal_level: "info",
  };
  const message = await signedMessage(sender, webhook, event, `msg_${sender.busId}_test${now}`, now);
  message.headers["X-Event-Bus-Attempt"] = "1";
  return message;
}

async function signedMessage(
  sender: Sender,
  webhook: Webhook,
  event: Event,
  id: string,
  now: number,
): Promise<Message> {
  const body = webhookBody(event);
  const timestamp = Math.floor(now / 1000);
  const headers: Record<string, string> = {
    "Content-Type": "application/json",
    "User-Agent": `agent-event-bus/${sender.version}`,
    "webhook-id": id,
    "webhook-timestamp": String(timestamp),
  };
  if (webhook.secret === null) return { headers, body };
  const old = webhook.secret_old !== null && now < webhook.secret_old_until ? [webhook.secret_old] : [];
  const signatures = [webhook.secret, ...old].map((secret) => signDelivery(secret, id, timestamp, body));
  headers["X-Event-Bus-Signature"] = await signBody(webhook.secret, body);
  headers["webhook-signature"] = (await Promise.all(signatures)).join(" ");
  return { headers, body };
}
