import { ackEvents } from "./ack_events.ts";
import { addSource } from "./add_source.ts";
import { answer } from "./answer.ts";
import { ask } from "./ask.ts";
import { getDelivery } from "./get_delivery.ts";
import { getEvents } from "./get_events.ts";
import { listChannels } from "./list_channels.ts";
import { listDeliveries } from "./list_deliveries.ts";
import { listNeeds } from "./list_needs.ts";
import { listSessions } from "./list_sessions.ts";
import { listSources } from "./list_sources.ts";
import { listWebhooks } from "./list_webhooks.ts";
import { muteNotifications } from "./mute_notifications.ts";
import { notify } from "./notify.ts";
import { openPage } from "./open_page.ts";
import type { Operation } from "./operation.ts";
import { proveUser } from "./prove_user.ts";
import { publishEvent } from "./publish_event.ts";
import { readInbox } from "./read_inbox.ts";
import { redeliverWebhook } from "./redeliver_webhook.ts";
import { registerSession } from "./register_session.ts";
import { registerWebhook } from "./register_webhook.ts";
import { removeSource } from "./remove_source.ts";
import { reply } from "./reply.ts";
import { rotateSourceSecret } from "./rotate_source_secret.ts";
import { rotateWebhookSecret } from "./rotate_webhook_secret.ts";
import { setAttention } from "./set_attention.ts";
import { setWebhookActive } from "./set_webhook_active.ts";
import { storeArrival } from "./store_arrival.ts";
import { summarize } from "./summarize.ts";
import { testSource } from "./test_source.ts";
import { testWebhook } from "./test_webhook.ts";
import { unregisterSession } from "./unregister_session.ts";
import { unregisterWebhook } from "./unregister_webhook.ts";
import { view } from "./view.ts";

/** The operations of the person, of their page and of sources. MCP clients cannot call them. */
export const personOperations: readonly Operation[] = [
  answer,
  muteNotifications,
  openPage,
  proveUser,
  view,
  addSource,
  listSources,
  testSource,
  rotateSourceSecret,
  removeSource,
  storeArrival,
];

/** Every tool, in the order of `tools/list`, the help and the guide. */
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
  listNeeds,
  summarize,
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
