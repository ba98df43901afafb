import { filterWarning } from "../domain/channel_warning.ts";
import { BusError } from "../domain/context.ts";
import { limitNote } from "../domain/limits.ts";
import { webhookUrlProblem } from "../domain/webhook.ts";
import { composed } from "../lib/unicode_form.ts";
import { operation } from "./operation.ts";
import { EVENT_TYPES, SECRET } from "./params.ts";
import { secretProblem } from "./webhooks.ts";

export const registerWebhook = operation({
  name: "register_webhook",
  about: "POST matching events to a URL.",
  effect: "writes",
  params: {
    url: { type: "text", min: 1, max: "url_bytes", about: "http(s) URL", flag: "url" },
    channel: {
      type: "text",
      optional: true,
      max: "channel_bytes",
      about: "Channel or prefix, e.g. repo:",
    },
    event_types: EVENT_TYPES,
    secret: { ...SECRET, about: "Signs each delivery" },
    ordered: { type: "boolean", default: false, about: "In order, one at a time" },
  },
  command: {
    name: "webhook register",
    aliases: ["webhook add"],
    words: [{ param: "url", placeholder: "URL", orFlag: true }],
    examples: [
      ["webhook add https://your-server.com/events", "receive every event"],
      [
        'webhook add https://example.com/dm --channel "session:" --secret "my-secret"',
        "receive direct messages, signed",
      ],
    ],
  },
  async run(bus, args, call) {
    const problem =
      webhookUrlProblem(args.url) ??
      filterProblem(args.event_types) ??
      secretProblem(args.secret) ??
      (await bus.deliveries.refuseUrl(args.url, call.caller.local));
    if (problem !== null) throw new BusError("invalid", problem);
    const warning = args.channel ? await filterWarning(bus, composed(args.channel)) : undefined;
    const webhook = await bus.store.webhooks.register(
      {
        url: args.url,
        channel: args.channel ? composed(args.channel) : null,
        event_types: args.event_types?.length ? args.event_types : null,
        secret: args.secret || null,
        ordered: args.ordered,
        local: call.caller.local,
      },
      bus.limits.webhooks,
    );
    if (webhook === null)
      throw new BusError(
        "invalid",
        `There are already ${bus.limits.webhooks} webhooks${limitNote("webhooks")}. Remove one first with unregister_webhook.`,
      );
    const { webhook_id, url, channel, event_types, created_at, ordered } = webhook;
    return {
      ...{ webhook_id, url, channel, event_types, created_at },
      ...(ordered && { ordered }),
      ...(warning !== undefined && { warning }),
    };
  },
  print(result, to) {
    to.line(`Webhook ${to.bold(`#${to.text(result.webhook_id)}`)} registered for ${to.text(result.url)}`);
  },
});

function filterProblem(types: readonly string[] | undefined): string | null {
  const odd = types?.find((type) => type.includes(",") || type === "");
  return odd === undefined
    ? null
    : `event_types: "${odd}" is not valid. An event type must not be empty or contain a comma.`;
}
