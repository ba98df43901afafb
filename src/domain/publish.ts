import type { Bus } from "./context.ts";
import { addressed } from "./delivery_policy.ts";
import type { Event, EventDraft } from "./event.ts";
import type { Change, Store } from "./store.ts";

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

/** Appends an event. Waiting calls wake, webhooks start, and the user is notified. */
export function publish({ store }: Bus, draft: EventDraft, change: Change | null = null): Promise<Event> {
  return append(store, draft, change);
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
