import { ackEvents } from "./ack_events.ts";
import { ask } from "./ask.ts";
import { getDelivery } from "./get_delivery.ts";
import { getEvents } from "./get_events.ts";
import { listChannels } from "./list_channels.ts";
import { listDeliveries } from "./list_deliveries.ts";
import { listSessions } from "./list_sessions.ts";
import { listWebhooks } from "./list_webhooks.ts";
import { notify } from "./notify.ts";
import type { Operation } from "./operation.ts";
import { publishEvent } from "./publish_event.ts";
import { readInbox } from "./read_inbox.ts";
import { redeliverWebhook } from "./redeliver_webhook.ts";
import { registerSession } from "./register_session.ts";
import { registerWebhook } from "./register_webhook.ts";
import { reply } from "./reply.ts";
import { rotateWebhookSecret } from "./rotate_webhook_secret.ts";
import { setAttention } from "./set_attention.ts";
import { setWebhookActive } from "./set_webhook_active.ts";
import { testWebhook } from "./test_webhook.ts";
import { unregisterSession } from "./unregister_session.ts";
import { unregisterWebhook } from "./unregister_webhook.ts";

/** Every operation, in the order of `tools/list`, the help and the guide. */
export const operations: readonly Operation[] = [
  registerSession,
  listSessions,
  listChannels,
  publishEvent,
  getEvents,
  ackEvents,
  ask,
  reply,
  getDelivery,
  readInbox,
  unregisterSession,
  setAttention,
  notify,
  registerWebhook,
  listWebhooks,
  setWebhookActive,
  rotateWebhookSecret,
  testWebhook,
  listDeliveries,
  redeliverWebhook,
  unregisterWebhook,
];
