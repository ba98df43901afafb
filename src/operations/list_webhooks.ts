import type { Column } from "../lib/command.ts";
import type { Json } from "../lib/json.ts";
import { operation } from "./operation.ts";
import { webhookView } from "./webhooks.ts";

const COLUMNS: readonly Column[] = [
  { title: "ID" },
  { title: "STATE" },
  { title: "URL", min: 24 },
  { title: "CHANNEL", min: 8, drop: 2 },
  { title: "TYPES", min: 8, drop: 3 },
  { title: "SIGNED", drop: 1 },
  { title: "PENDING" },
  { title: "DEAD" },
  { title: "SUCCESS", drop: 5 },
  { title: "FAILURE", drop: 4 },
];

export const listWebhooks = operation({
  name: "list_webhooks",
  about: "List webhooks.",
  effect: "reads",
  params: {
    active_only: { type: "boolean", default: true, flag: false, about: "false includes disabled ones" },
  },
  command: {
    name: "webhook list",
    examples: [["webhook list --all", "include disabled webhooks"]],
    flags: { all: { about: "Include disabled webhooks", boolean: true } },
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
    to.table(
      COLUMNS,
      webhooks.map((webhook) => [
        to.bold(`#${to.text(webhook.webhook_id)}`),
        webhook.active === true ? "on" : to.colour("trouble", "off"),
        to.text(webhook.url),
        to.text(webhook.channel ?? "every"),
        to.text((webhook.event_types as string[] | null)?.join(",") ?? "every"),
        webhook.has_secret === true ? "yes" : "no",
        to.text(webhook.pending),
        to.text(webhook.dead),
        to.ago(webhook.last_success),
        to.ago(webhook.last_failure),
      ]),
    );
    for (const webhook of webhooks.filter(({ paused_reason }) => paused_reason !== undefined))
      to.note(`The bus disabled #${to.text(webhook.webhook_id)}: ${to.text(webhook.paused_reason)}`);
  },
});
