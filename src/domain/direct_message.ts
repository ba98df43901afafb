import type { Event } from "./event.ts";

/** Delivery status of a direct message. */
export const MAIL_STATES = ["stored", "offered", "seen", "acked"] as const;
export type MailState = (typeof MAIL_STATES)[number];

/** The ways in which an event is handed to a session: by a hook, by waking it, or by its own reading. */
export const PATHS = ["start", "prompt", "tool", "stop", "wake", "read"] as const;
export type Path = (typeof PATHS)[number];

/** A direct message and its recipient. */
export interface Mail {
  event_id: number;
  /** A session's id, or `@name` while nobody holds that name. */
  recipient: string;
  state: MailState;
  /** The last offer to a hook, and the hook. */
  offered_at: string | null;
  offered_by: Path | null;
  seen_at: string | null;
  acked_at: string | null;
}

/** One of the newest direct messages. */
export interface LatestMail extends Mail {
  /** The session that sent it, and when. Null once it was seen. */
  sender: string | null;
  sent_at: string | null;
}

/** An event that a session has not seen. */
export interface Unread {
  event: Event;
  /** True if it was offered before without being confirmed, so that the session may have seen it. */
  repeat: boolean;
}

/** A direct message that its recipient has not seen. */
export interface Waiting {
  event: Event;
  recipient: string;
}

export interface NewsQuery {
  sessionId: string;
  /** Only events with a greater id, and with a smaller one. */
  after: number;
  before: number;
  channels: readonly [string, string, string];
  limit: number;
}

export interface Offer {
  sessionId: string;
  by: Path;
  /** Events that are remembered one by one: direct messages, and those handed over before older ones. */
  single: readonly Pick<Event, "id">[];
  /** The others, which are handed over in order. */
  others: readonly Pick<Event, "id">[];
}

/** The recipient of a direct message's channel. Null for any other channel. */
export function recipientOf(channel: string): string | null {
  return channel.startsWith("session:") && channel.length > "session:".length
    ? channel.slice("session:".length)
    : null;
}

export function isMail({ channel }: Event): boolean {
  return recipientOf(channel) !== null;
}

/** A client that is gone. Times are RFC 3339. */
export interface Lost {
  sessionId: string;
  /** The client took along all that was shown from here on. The last of that is unread again. */
  from: string;
  /** The client may not have written all that hooks have shown from here on. */
  shownFrom: string;
}
