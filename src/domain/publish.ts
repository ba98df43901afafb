import type { Bus } from "./context.ts";
import { isMail } from "./direct_message.ts";
import type { Event, EventDraft } from "./event.ts";
import { ANONYMOUS } from "./event.ts";

const PREVIEW = 50;

/** Wakes what waits for events, from any source. Called once, when the bus is put together. */
export function followEvents({
  store,
  waiters,
  deliveries,
}: Pick<Bus, "store" | "waiters" | "deliveries">): void {
  store.events.listen((event) => {
    waiters.wake(event);
    deliveries.poke();
  });
}

/** Appends an event. Waiting calls wake, webhooks start, and the user is shown a direct message. */
export async function publish(bus: Bus, draft: EventDraft): Promise<Event> {
  const event = await bus.store.events.append(draft);
  if (isMail(event))
    notifyRecipient(bus, event).catch((error) =>
      bus.warn(`notification of event ${event.id} failed: ${error}`),
    );
  return event;
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
