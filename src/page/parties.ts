import type { Event, Names } from "./types.ts";

/** The person, the bus itself, and those that gave no session, as senders. */
const PERSON = "human";
const BUS = "agent-event-bus";
const ANONYMOUS = "anonymous";
const OWN_ORIGINS = ["local", "person", "bus", "unverified"];

/** Who sent an event, or for whom it is. */
export interface Party {
  name: string;
  kind: "you" | "session" | "repo" | "others";
}

export const YOU: Party = { name: "you", kind: "you" };

export function isFromYou({ session_id }: Pick<Event, "session_id">): boolean {
  return session_id === PERSON;
}

export function isForYou({ channel }: Pick<Event, "channel">): boolean {
  return channel === `session:${PERSON}` || channel === `session:@${PERSON}`;
}

export function isDirect({ channel }: Pick<Event, "channel">): boolean {
  return channel.startsWith("session:");
}

/** The session that an event is for. Undefined if it is for several. */
export function recipientOf({ channel }: Pick<Event, "channel">): string | undefined {
  return channel.startsWith("session:") ? channel.slice("session:".length) : undefined;
}

export function senderOf({ session_id, origin = "local" }: Event, names: Names): Party {
  if (session_id === PERSON) return YOU;
  if (session_id === BUS) return { name: "the bus", kind: "others" };
  if (session_id === ANONYMOUS)
    return { name: OWN_ORIGINS.includes(origin) ? ANONYMOUS : origin, kind: "session" };
  return { name: names[session_id] ?? session_id, kind: "session" };
}

export function audienceOf(event: Pick<Event, "channel">, names: Names): Party {
  const { channel } = event;
  if (isForYou(event)) return YOU;
  const recipient = recipientOf(event);
  if (recipient !== undefined) return { name: names[recipient] ?? recipient, kind: "session" };
  if (channel === "all") return { name: "everyone", kind: "others" };
  const [kind = "", name = ""] = channel.split(/:(.*)/s);
  if (kind === "repo" && name !== "") return { name, kind: "repo" };
  return { name: kind === "machine" && name !== "" ? name : channel, kind: "others" };
}

/** Origin of an event, in words. Undefined if it is not known. */
export function originWords({ origin }: Event): string | undefined {
  if (origin === undefined) return undefined;
  if (origin === "person") return "written by you";
  return OWN_ORIGINS.includes(origin) ? origin : `token ${origin}`;
}
