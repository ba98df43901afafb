import type { Webhook } from "../bus/webhook.ts";

/** A webhook as clients see it: never its secret. */
export function webhookView(webhook: Webhook): Record<string, unknown> {
  const { webhook_id, url, channel, event_types, active, created_at, secret } = webhook;
  return { webhook_id, url, channel, event_types, active, created_at, has_secret: secret !== null };
}

export function webhookNotFound(webhook_id: number): Record<string, unknown> {
  return {
    success: false,
    error: `Webhook ${webhook_id} not found`,
    webhook_id,
    hint: "list_webhooks with active_only=false shows all.",
  };
}
