import { operation } from "../operation.ts";
import { webhookView } from "./webhooks.ts";

export const listWebhooks = operation({
  name: "list_webhooks",
  about: "List webhooks (never their secrets).",
  effect: "reads",
  params: {
    active_only: { type: "boolean", default: true, flag: false, about: "false shows disabled ones too" },
  },
  commands: [
    {
      name: "webhook list",
      examples: [["webhook list --all", "disabled ones too"]],
      flags: { all: { about: "Show disabled webhooks too", boolean: true } },
      before: (args, flags) => ({ ...args, active_only: flags.all !== true }),
    },
  ],
  async run(bus, args) {
    const webhooks = await bus.store.webhooks.list();
    return webhooks.filter((webhook) => webhook.active || !args.active_only).map(webhookView);
  },
  print(result, to) {
    const webhooks = result.result as Record<string, unknown>[];
    if (webhooks.length === 0) return to.line("No webhooks.");
    to.table([
      ["ID", "STATE", "URL", "CHANNEL", "TYPES", "SIGNED", "CREATED"].map((title) => to.dim(title)),
      ...webhooks.map((webhook) => [
        to.bold(`#${to.text(webhook.webhook_id)}`),
        webhook.active === true ? to.colour("green", "on") : to.colour("red", "off"),
        to.text(webhook.url),
        to.text(webhook.channel ?? "every"),
        to.text((webhook.event_types as string[] | null)?.join(",") ?? "every"),
        webhook.has_secret === true ? "yes" : "no",
        to.time(webhook.created_at),
      ]),
    ]);
  },
});
