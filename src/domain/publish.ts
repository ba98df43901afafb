import type { Bus } from "./context.ts";
import { addressed } from "./delivery_policy.ts";
import { isMail } from "./direct_message.ts";
import { ANONYMOUS, type Event, type EventDraft } from "./event.ts";
import type { Change, Store } from "./store.ts";

const PREVIEW = 50;

/** Wakes waiting calls at every event, from any source. Called once, when the bus is put together. */
export function followEvents({
  store,
  subscriptions,
  storms,
}: Pick<Bus, "store" | "subscriptions" | "storms">) {
  store.listen((event) => {
    storms.note(event);
    subscriptions.wake(event);
  });
}

/** Appends an event. Waiting calls wake, webhooks start, and the user is shown a direct message. */
export async function publish(bus: Bus, draft: EventDraft, change: Change | null = null): Promise<Event> {
  const event = await append(bus.store, draft, change);
  if (isMail(event))
    notifyRecipient(bus, event).catch((error) =>
      bus.warn(`notification of event ${event.id} failed: ${error}`),
    );
  return event;
}

/** Decides who gets an event and appends it. Decides again if the webhooks changed meanwhile. */
export async function append(store: Store, draft: EventDraft, change: Change | null = null): Promise<Event> {
  for (;;) {
    const event = await store.append(addressed(draft, await store.webhooks.active(), change));
    if (event !== null) return event;
  }
}

/** Pauses a webhook that the bus gives up on, with the event that says so. Does nothing if it is no longer active. */
export async function pauseWebhook(
  store: Store,
  webhookId: number,
  reason: string,
  draft: EventDraft,
): Promise<void> {
  const change: Change = { kind: "pause", webhookId, reason };
  for (;;) {
    const active = await store.webhooks.active();
    if (!active.webhooks.some(({ webhook_id }) => webhook_id === webhookId)) return;
    if ((await store.append(addressed(draft, active, change))) !== null) return;
  }
}

async function notifyRecipient(bus: Bus, event: Event): Promise<void> {
  const recipient = await bus.store.sessions.get(event.channel.slice("session:".length));
  if (recipient === undefined || recipient.deleted_at !== null) return;
  const sender = event.session_id === ANONYMOUS ? undefined : await bus.store.sessions.get(event.session_id);
  const characters = Array.from(event.title ?? event.payload);
  await bus.notify({
    title: `📨 ${recipient.name} • ${recipient.repo}`,
    subtitle: `From: ${sender === undefined ? ANONYMOUS : `${sender.name} (${sender.display_id})`}`,
    message: characters.length > PREVIEW ? `${characters.slice(0, PREVIEW).join("")}…` : characters.join(""),
    group: `session-${recipient.session_id}`,
  });
}
