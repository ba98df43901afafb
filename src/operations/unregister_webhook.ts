import { operation } from "./operation.ts";
import { WEBHOOK_ID } from "./params.ts";
import { webhookNotFound } from "./webhooks.ts";

export const unregisterWebhook = operation({
  name: "unregister_webhook",
  about: "Remove a webhook.",
  effect: "destroys",
  params: { webhook_id: WEBHOOK_ID },
  command: {
    name: "webhook unregister",
    aliases: ["webhook rm"],
    words: [{ param: "webhook_id", placeholder: "ID" }],
    examples: [["webhook rm 1", "remove webhook 1"]],
  },
  async run(bus, { webhook_id }) {
    return (await bus.store.webhooks.unregister(webhook_id))
      ? { success: true, webhook_id }
      : webhookNotFound(webhook_id);
  },
  print(result, to) {
    to.line(`Webhook #${to.text(result.webhook_id)} removed`);
  },
});
