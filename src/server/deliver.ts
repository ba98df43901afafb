import type { Event } from "../bus/event.ts";
import { visibleLine } from "../bus/text.ts";
import { type Webhook, webhookBody, webhookMatches } from "../bus/webhook.ts";
import type { Store } from "../store/store.ts";
import { signBody, signDelivery } from "./sign.ts";

const TIMEOUT_MS = 15_000;
// For each webhook: an endpoint that hangs delays its own deliveries only.
const IN_FLIGHT = 4;
const QUEUED = 10_000;

interface Lane {
  queue: (() => Promise<void>)[];
  running: number;
}

export interface Delivery {
  /** Starts the POSTs of an event; never waits for them. */
  deliver(event: Event): void;
  /** Resolves when nothing is in flight, or after `ms`. */
  drain(ms: number): Promise<void>;
}

/** Sends each committed event once to every webhook it matches, at most 4 POSTs at a time to each (WIRE.md 7). */
export function createDelivery(
  store: Store,
  version: string,
  log: { info(m: string): void; warn(m: string): void },
): Delivery {
  const lanes = new Map<number, Lane>();

  function start(webhookId: number, lane: Lane): void {
    while (lane.running < IN_FLIGHT && lane.queue.length > 0) {
      lane.running++;
      lane.queue
        .shift()?.()
        .catch((error) => log.warn(`webhook delivery failed: ${error}`))
        .finally(() => {
          lane.running--;
          start(webhookId, lane);
        });
    }
    if (lane.running === 0) lanes.delete(webhookId);
  }

  function enqueue(webhook: Webhook, event: Event): void {
    const { webhook_id } = webhook;
    const lane = lanes.get(webhook_id) ?? { queue: [], running: 0 };
    lanes.set(webhook_id, lane);
    if (lane.queue.length >= QUEUED)
      log.warn(`webhook ${webhook_id}: event ${event.id} not sent, ${QUEUED} deliveries wait`);
    else lane.queue.push(() => post(store.id, version, webhook, event, log));
    start(webhook_id, lane);
  }

  return {
    deliver(event) {
      store.webhooks
        .list()
        .then((webhooks) => {
          for (const webhook of webhooks) if (webhookMatches(webhook, event)) enqueue(webhook, event);
        })
        .catch((error) => log.warn(`webhooks of event ${event.id} not started: ${error}`));
    },
    async drain(ms) {
      const deadline = performance.now() + ms;
      while (lanes.size > 0 && performance.now() < deadline)
        await new Promise((resolve) => setTimeout(resolve, 10));
    },
  };
}

async function post(
  busId: string,
  version: string,
  webhook: Webhook,
  event: Event,
  log: { info(m: string): void; warn(m: string): void },
): Promise<void> {
  const began = performance.now();
  const body = webhookBody(event);
  const outcome = await attempt(webhook.url, await headersOf(busId, version, webhook, event.id, body), body);
  const line = `webhook ${webhook.webhook_id} event ${event.id} → ${visibleLine(webhook.url, 200)}: ${outcome} ${Math.round(performance.now() - began)} ms`;
  if (/^2\d\d$/.test(outcome)) log.info(line);
  else log.warn(line);
}

async function headersOf(
  busId: string,
  version: string,
  webhook: Webhook,
  eventId: number,
  body: string,
): Promise<Record<string, string>> {
  const id = `msg_${busId}_${eventId}`;
  const timestamp = Math.floor(Date.now() / 1000);
  const headers: Record<string, string> = {
    "Content-Type": "application/json",
    "User-Agent": `agent-event-bus/${version}`,
    "webhook-id": id,
    "webhook-timestamp": String(timestamp),
    "X-Event-Bus-Attempt": "1",
  };
  if (webhook.secret !== null) {
    headers["X-Event-Bus-Signature"] = await signBody(webhook.secret, body);
    headers["webhook-signature"] = await signDelivery(webhook.secret, id, timestamp, body);
  }
  return headers;
}

/** The status of one POST, or why there was none. Redirects are not followed, the answer's body is not read. */
async function attempt(url: string, headers: Record<string, string>, body: string): Promise<string> {
  try {
    // Bun sends even loopback calls through HTTP_PROXY unless told not to; Node knows no `proxy`.
    const options = {
      method: "POST",
      headers,
      body,
      redirect: "manual",
      proxy: false,
      signal: AbortSignal.timeout(TIMEOUT_MS),
    };
    const response = await fetch(url, options as unknown as RequestInit);
    await response.body?.cancel();
    return String(response.status);
  } catch (error) {
    return visibleLine(error instanceof Error ? `${error.name}: ${error.message}` : String(error), 200);
  }
}
