import { redeliverGivenUp, redeliverSince } from "../domain/redelivery.ts";
import { UsageError } from "../lib/command.ts";
import type { Json } from "../lib/json.ts";
import { operation } from "./operation.ts";
import { EVENT_ID, WEBHOOK_ID } from "./params.ts";
import { webhookNotFound } from "./webhooks.ts";

export const redeliverWebhook = operation({
  name: "redeliver_webhook",
  about: "Resend one event, all dead deliveries, or all events from an id on.",
  effect: "writes",
  listed: "all",
  params: {
    webhook_id: WEBHOOK_ID,
    event_id: {
      ...EVENT_ID,
      optional: true,
      flag: "event",
      about: "This event, even if the filter excludes it",
    },
    dead: { type: "boolean", default: false, about: "All dead deliveries" },
    since: { ...EVENT_ID, optional: true, about: "Matching events from this id on" },
  },
  command: {
    name: "webhook redeliver",
    words: [{ param: "webhook_id", placeholder: "ID" }],
    examples: [
      ["webhook redeliver 1 --event 42", "resend event 42"],
      ["webhook redeliver 1 --dead", "resend all dead deliveries"],
      ["webhook redeliver 1 --since 42", "resend everything from event 42 on"],
    ],
    before(args) {
      if (chosen(args) !== 1)
        throw new UsageError("webhook redeliver needs exactly one of --event, --dead and --since.");
      return args;
    },
  },
  async run(bus, args) {
    const { webhook_id } = args;
    const webhook = await bus.store.webhooks.get(webhook_id);
    if (webhook === undefined) return webhookNotFound(webhook_id);
    if (chosen(args) !== 1)
      return { success: false, error: "Give exactly one of event_id, dead and since.", webhook_id };
    const { deliveries } = bus.store;
    let queued: number;
    if (args.event_id !== undefined) {
      if (!(await deliveries.redeliver(webhook_id, args.event_id)))
        return { success: false, error: `Event ${args.event_id} not found`, webhook_id };
      queued = 1;
    } else if (args.since !== undefined)
      queued = await redeliverSince(deliveries, args.since, { webhookId: webhook_id, enables: false });
    else queued = await redeliverGivenUp(deliveries, webhook_id);
    bus.deliveries.poke(webhook_id);
    const warning = `Webhook ${webhook_id} is disabled. The deliveries are sent once it is enabled.`;
    return { success: true, webhook_id, queued, ...(webhook.active ? {} : { warning }) };
  },
  print(result, to) {
    to.line(`${to.text(result.queued)} queued for webhook #${to.text(result.webhook_id)}`);
  },
});

function chosen(args: Json): number {
  return [args.event_id !== undefined, args.dead === true, args.since !== undefined].filter(Boolean).length;
}
