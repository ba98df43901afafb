import { operation } from "../operation.ts";
import { WEBHOOK_ID } from "./params.ts";
import { webhookNotFound } from "./webhooks.ts";

export const setWebhookActive = operation({
  name: "set_webhook_active",
  about: "Enable or disable a webhook.",
  effect: "overwrites",
  params: {
    webhook_id: WEBHOOK_ID,
    active: { type: "boolean", flag: false, about: "true = deliver, false = pause" },
  },
  commands: [
    {
      name: "webhook enable",
      about: "Deliver to a webhook again.",
      positional: "webhook_id",
      fixed: { active: true },
      examples: [["webhook enable 1", "deliver again"]],
    },
    {
      name: "webhook disable",
      about: "Pause a webhook.",
      positional: "webhook_id",
      fixed: { active: false },
      examples: [["webhook disable 1", "pause"]],
    },
  ],
  async run(bus, { webhook_id, active }) {
    const found = await bus.store.webhooks.setActive(webhook_id, active);
    return found ? { success: true, webhook_id, active } : webhookNotFound(webhook_id);
  },
  print(result, to) {
    to.line(`Webhook #${to.text(result.webhook_id)} is ${result.active === true ? "on" : "off"}`);
  },
});
