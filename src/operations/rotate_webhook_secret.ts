import { BusError } from "../domain/context.ts";
import { ROTATION_MS } from "../domain/retry_schedule.ts";
import { operation } from "./operation.ts";
import { SECRET, WEBHOOK_ID } from "./params.ts";
import { randomSecret, secretProblem, webhookNotFound } from "./webhooks.ts";

export const rotateWebhookSecret = operation({
  name: "rotate_webhook_secret",
  about: "Give a webhook a new secret. The old secret stays valid for 24 h.",
  effect: "writes",
  listed: "all",
  params: {
    webhook_id: WEBHOOK_ID,
    secret: { ...SECRET, about: "New secret (default: random)" },
  },
  command: {
    name: "webhook rotate",
    words: [{ param: "webhook_id", placeholder: "ID" }],
    examples: [["webhook rotate 1", "create a random secret"]],
  },
  async run(bus, { webhook_id, secret }) {
    const problem = secretProblem(secret);
    if (problem !== null) throw new BusError("invalid", problem);
    const fresh = secret || randomSecret();
    const until = bus.now() + ROTATION_MS;
    if (!(await bus.store.webhooks.rotate(webhook_id, fresh, until))) return webhookNotFound(webhook_id);
    return { success: true, webhook_id, secret: fresh, old_secret_until: new Date(until).toISOString() };
  },
  print(result, to) {
    to.line(`New secret of webhook #${to.text(result.webhook_id)}: ${to.bold(to.text(result.secret))}`);
    to.line(
      `The old secret stays valid until ${to.time(result.old_secret_until)}. Neither secret is shown again.`,
    );
  },
});
