import type { WebhookCounts } from "../domain/outbox.ts";
import type { Outcome, Webhook } from "../domain/webhook.ts";
import type { Json } from "../lib/json.ts";

/** A webhook as clients see it, without its secrets. */
export function webhookView(webhook: Webhook, { pending, dead, expired }: WebhookCounts): Json {
  const { webhook_id, url, channel, event_types, active, created_at, secret, ordered } = webhook;
  const { paused_reason, last_success, last_failure, last_error } = webhook;
  return {
    webhook_id,
    url,
    channel,
    event_types,
    active,
    created_at,
    has_secret: secret !== null,
    ordered,
    pending,
    dead,
    expired,
    last_success,
    last_failure,
    last_error,
    ...(paused_reason === null ? {} : { paused_reason }),
  };
}

export function webhookNotFound(webhook_id: number): Json {
  return {
    success: false,
    error: `Webhook ${webhook_id} not found`,
    webhook_id,
    hint: "list_webhooks with active_only=false shows all webhooks.",
  };
}

/** Sentence that says what is wrong with a secret. Null if every receiver can use it. */
export function secretProblem(secret: string | undefined): string | null {
  if (secret === undefined || secret === "") return null;
  if (!/^[\x21-\x7e]+$/.test(secret))
    return "secret: use printable ASCII without spaces, so that every receiver computes the same signature.";
  if (secret.startsWith("whsec_") && !/^whsec_[A-Za-z0-9+/]{2,}={0,2}$/.test(secret))
    return "secret: the part after whsec_ must be base64 (Standard Webhooks).";
  return null;
}

export function outcomeView({ status, error, ms }: Outcome): Json {
  return { delivered: error === null, status, milliseconds: ms };
}

const SECRET_BYTES = 32;

/** A secret in the format of Standard Webhooks. */
export function randomSecret(): string {
  return `whsec_${btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(SECRET_BYTES))))}`;
}
