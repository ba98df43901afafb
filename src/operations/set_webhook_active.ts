import { redeliverSince } from "../domain/redelivery.ts";
import type { Json } from "../lib/json.ts";
import { operation } from "./operation.ts";
import { EVENT_ID, WEBHOOK_ID } from "./params.ts";
import { webhookNotFound } from "./webhooks.ts";

export const setWebhookActive = operation({
  name: "set_webhook_active",
  about: "Enable or disable a webhook.",
  effect: "overwrites",
  params: {
    webhook_id: WEBHOOK_ID,
    active: { type: "boolean", flag: false, about: "false disables it" },
    since: { ...EVENT_ID, optional: true, about: "Also send events from this id on" },
  },
  commands: [
    {
      name: "webhook enable",
      about: "Enable a webhook.",
      words: [{ param: "webhook_id", placeholder: "ID" }],
      fixed: { active: true },
      examples: [
        ["webhook enable 1", "resume deliveries"],
        ["webhook enable 1 --since 42", "also send what it missed, from event 42 on"],
      ],
    },
    {
      name: "webhook disable",
      about: "Disable a webhook.",
      words: [{ param: "webhook_id", placeholder: "ID" }],
      // `since` only applies to enabling.
      fixed: { active: false, since: null },
      examples: [["webhook disable 1", "stop deliveries"]],
    },
  ],
  async run(bus, { webhook_id, active, since }) {
    const { webhooks, deliveries } = bus.store;
    if ((await webhooks.get(webhook_id)) === undefined) return webhookNotFound(webhook_id);
    const result: Json = { success: true, webhook_id, active };
    if (active && since !== undefined)
      result.queued = await redeliverSince(deliveries, since, { webhookId: webhook_id, enables: true });
    else await webhooks.setActive(webhook_id, active);
    bus.deliveries.poke(webhook_id);
    return result;
  },
  print(result, to) {
    to.line(`Webhook #${to.text(result.webhook_id)} is ${result.active === true ? "on" : "off"}`);
    if (result.queued !== undefined) to.line(`${to.text(result.queued)} events queued`);
  },
});
