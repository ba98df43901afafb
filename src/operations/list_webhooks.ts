import type { Json } from "../lib/json.ts";
import { operation } from "./operation.ts";
import { webhookView } from "./webhooks.ts";

export const listWebhooks = operation({
  name: "list_webhooks",
  about: "List webhooks.",
  effect: "reads",
  params: {
    active_only: { type: "boolean", default: true, flag: false, about: "false shows disabled ones too" },
  },
  command: {
    name: "webhook list",
    examples: [["webhook list --all", "disabled ones too"]],
    flags: { all: { about: "Show disabled webhooks too", boolean: true } },
    before: (args, flags) => ({ ...args, active_only: flags.all !== true }),
  },
  async run(bus, args) {
    const webhooks = (await bus.store.webhooks.list()).filter(({ active }) => active || !args.active_only);
    const views: Json[] = [];
    for (const webhook of webhooks) {
      views.push(webhookView(webhook, await bus.store.deliveries.counts(webhook.webhook_id)));
      // One at a time, because counting a long backlog takes a while and other calls interleave.
      await new Promise((resolve) => setImmediate(resolve));
    }
    return views;
  },
  print(result, to) {
    const webhooks = result.result as Json[];
    if (webhooks.length === 0) return to.line("No webhooks.");
    const head = "ID STATE URL CHANNEL TYPES SIGNED PENDING DEAD SUCCESS FAILURE".split(" ");
    to.table([
      head.map((title) => to.dim(title)),
      ...webhooks.map((webhook) => [
        to.bold(`#${to.text(webhook.webhook_id)}`),
        webhook.active === true ? to.colour("green", "on") : to.colour("red", "off"),
        to.text(webhook.url),
        to.text(webhook.channel ?? "every"),
        to.text((webhook.event_types as string[] | null)?.join(",") ?? "every"),
        webhook.has_secret === true ? "yes" : "no",
        to.text(webhook.pending),
        to.text(webhook.dead),
        to.ago(webhook.last_success),
        to.ago(webhook.last_failure),
      ]),
    ]);
    for (const webhook of webhooks.filter(({ paused_reason }) => paused_reason !== undefined))
      to.note(
        `#${to.text(webhook.webhook_id)} was switched off by the bus: ${to.text(webhook.paused_reason)}`,
      );
  },
});
