import { isFromPerson } from "./attention.ts";
import { ORIGINS } from "./caller.ts";
import { recipientOf } from "./direct_message.ts";
import { ANONYMOUS, ANSWER, type Event, PERSON_CHANNEL } from "./event.ts";

/** Events that the user is notified of: needs of the user, also every direct message, also all actionable ones, or none. */
export const NOTIFY_SETTINGS = ["needs-me", "direct", "all", "off"] as const;
export type NotifySetting = (typeof NOTIFY_SETTINGS)[number];

/** When the user is shown an event. `unseen`: after 15 s, if its recipient has not seen it by then. */
export type Notice = "now" | "unseen" | "never";

export const UNSEEN_MS = 15_000;

/** The end of a mute that has none (ms since 1970). */
export const ALWAYS = Number.MAX_SAFE_INTEGER;

/** The facts that decide about the recipients of an event. */
export interface Recipients {
  /** The session that gets a direct message. `nobody`: there is no such session now. */
  session: "hooks" | "no_hooks" | "nobody";
  /** A session of the event's repository is here. */
  isRepoLive: boolean;
}

/** A message for the user, something that needs the user, a message between agents, or anything else. */
export type Kind = "mail" | "need" | "message" | "other";

const NEEDS = ["help_needed", "blocker_found", "error_broadcast"];
const FAILURE = "ci_failed";

/** Decides whether and when the user is shown an event. */
export function noticeOf(event: Event, to: Recipients, setting: NotifySetting): Notice {
  if (setting === "off" || isFromPerson(event)) return "never";
  const kind = kindOf(event, to.isRepoLive);
  if (kind !== "mail" && recipientOf(event.channel) === event.session_id) return "never";
  switch (kind) {
    case "mail":
    case "need":
      return "now";
    case "message":
      // The bus notifies the user by itself when it writes to sessions.
      if (event.origin === ORIGINS.bus || to.session === "nobody") return "never";
      return setting === "needs-me" && to.session === "hooks" ? "unseen" : "now";
    case "other":
      return setting === "all" && event.signal_level === "actionable" ? "now" : "never";
  }
}

/** False for an event that the user is never shown, whatever its recipients are. */
export function mayNotify(event: Event, setting: NotifySetting): boolean {
  return noticeOf(event, { session: "no_hooks", isRepoLive: true }, setting) !== "never";
}

export function kindOf(event: Event, isRepoLive: boolean): Kind {
  const { event_type, signal_level, channel } = event;
  if (channel === PERSON_CHANNEL) return "mail";
  // A sender that names a lower level says that it can wait.
  if (signal_level === "actionable") {
    if (NEEDS.includes(event_type)) return "need";
    if (failedRepoOf(event) !== null && isRepoLive) return "need";
  }
  return recipientOf(channel) === null ? "other" : "message";
}

/** The repository whose CI failed. Null for any other event. */
export function failedRepoOf({ event_type, channel }: Event): string | null {
  return event_type === FAILURE && channel.startsWith("repo:") ? channel.slice("repo:".length) : null;
}

/** Names the notification of an event. Events of one name share a notification. `sender`: the id of a registered session. */
export function groupOf(event: Event, kind: Kind, sender: string = ANONYMOUS): string {
  switch (kind) {
    case "mail":
      return `mail-${sender}`;
    case "need":
      return `${event.event_type}-${failedRepoOf(event) ?? sender}`;
    case "message":
      return event.channel.replace(":", "-");
    case "other":
      return `other-${sender}`;
  }
}

/** The correlation id of an answer to the event. */
export function answeredBy({ id, correlation_id }: Event): string {
  return correlation_id ?? `event-${id}`;
}

/** True for an answer, which ends the need that it answers. */
export function isAnswer({ event_type }: Event): boolean {
  return event_type === ANSWER;
}
