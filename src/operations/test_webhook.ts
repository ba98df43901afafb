import { operation } from "./operation.ts";
import { WEBHOOK_ID } from "./params.ts";
import { outcomeView, webhookNotFound } from "./webhooks.ts";

export const testWebhook = operation({
  name: "test_webhook",
  about: "Send a signed test event and show the result.",
  effect: "writes",
  listed: "all",
  params: { webhook_id: WEBHOOK_ID },
  command: {
    name: "webhook test",
    words: [{ param: "webhook_id", placeholder: "ID" }],
    examples: [["webhook test 1", "send a test event"]],
    timeoutMs: () => 30_000,
  },
  async run(bus, { webhook_id }) {
    const webhook = await bus.store.webhooks.get(webhook_id);
    if (webhook === undefined) return webhookNotFound(webhook_id);
    const outcome = await bus.deliveries.test(webhook);
    const problem = outcome.error === null ? {} : { error: `Not delivered: ${outcome.error}` };
    return { success: outcome.error === null, webhook_id, ...outcomeView(outcome), ...problem };
  },
  print(result, to) {
    to.line(`Delivered: HTTP ${to.text(result.status)} in ${to.text(result.milliseconds)} ms`);
  },
});
