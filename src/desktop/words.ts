import type { Notification } from "../domain/context.ts";
import { ANONYMOUS, type Event } from "../domain/event.ts";
import type { Kind } from "../domain/notification.ts";
import type { Session } from "../domain/session.ts";
import { excerpt } from "../lib/graphemes.ts";

/** Length of a message between agents (characters). */
const PREVIEW = 50;
/** Length of what is meant for the user (characters). */
const LONG_PREVIEW = 200;

export interface Told {
  event: Event;
  kind: Kind;
  sender: Session | undefined;
  recipient: Session | undefined;
  /** The recipient has not seen it in time. */
  isLate: boolean;
}

/** The words of a notification, not yet escaped. */
export function wordsOf(told: Told): Omit<Notification, "group"> {
  const { event, kind, sender, isLate } = told;
  const from = sender === undefined ? ANONYMOUS : `${sender.name} (${sender.display_id})`;
  return {
    title: titleOf(told),
    subtitle: isLate ? `From: ${from}, not seen yet` : `From: ${from}`,
    message: excerpt(event.title ?? event.payload, kind === "message" ? PREVIEW : LONG_PREVIEW),
  };
}

function titleOf({ event, kind, sender, recipient }: Told): string {
  const name = sender?.name ?? ANONYMOUS;
  if (kind === "mail") return `📨 ${name} → you`;
  if (kind === "message") return `📨 ${recipient?.name ?? ANONYMOUS} • ${recipient?.repo ?? ""}`;
  const place = recipient?.name ?? event.channel;
  return `⚠️ ${event.event_type.replaceAll("_", " ")} • ${place === "all" ? name : place}`;
}
