import type { Bus } from "./context.ts";
import type { Event } from "./event.ts";
import { ANONYMOUS } from "./event.ts";

const PREVIEW = 50;

/** Everything that follows the commit of an event: waiting calls wake, webhooks start, a direct message is shown to the person. */
export function announce(bus: Bus, event: Event): void {
  bus.subscriptions.wake(event);
  bus.deliveries.poke();
  if (event.channel.startsWith("session:")) {
    notifyRecipient(bus, event).catch((error) =>
      bus.warn(`notification of event ${event.id} failed: ${error}`),
    );
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
