import { type Level, levelOf } from "./level.ts";

/** An event as a publisher sends it. `explicit_level` is kept as sent, known or not. */
export interface EventDraft {
  event_type: string;
  payload: string;
  session_id: string;
  channel: string;
  correlation_id?: string | null | undefined;
  title?: string | undefined;
  tags?: readonly string[] | undefined;
  explicit_level?: string | undefined;
  /** The caller's origin, as the bus found out. Null for events of old databases. */
  origin: string | null;
}

/** An event as every client sees it (WIRE.md 2). A stored one never changes. */
export interface Event {
  readonly id: number;
  readonly event_type: string;
  readonly payload: string;
  readonly session_id: string;
  /** RFC 3339, UTC, milliseconds. */
  readonly timestamp: string;
  readonly channel: string;
  readonly correlation_id: string | null;
  readonly signal_level: Level;
  readonly title?: string;
  readonly tags?: readonly string[];
  /** `local`, a login or a token's name, as the bus found out. session_id is what the publisher says. */
  readonly origin?: string;
}

/** The session_id of events that no session published. */
export const ANONYMOUS = "anonymous";
/** The session_id of the bus's own events. */
export const BUS_ITSELF = "agent-event-bus";
/** The person as a sender and a recipient: `@human`. */
export const PERSON = "human";

/** The type of the events that answer others. */
export const ANSWER = "answer";

/** The channel of what is meant for the person. */
export const PERSON_CHANNEL = `session:${PERSON}`;

export function eventOf(id: number, timestamp: string, draft: EventDraft): Event {
  const { event_type, payload, session_id, channel, correlation_id = null, title, tags, origin } = draft;
  const signal_level = levelOf(draft);
  const event: { -readonly [Name in keyof Event]: Event[Name] } = {
    id,
    event_type,
    payload,
    session_id,
    timestamp,
    channel,
    correlation_id,
    signal_level,
  };
  // Hot path: spreading each of them would cost more than the rest.
  if (title !== undefined) event.title = title;
  if (tags !== undefined) event.tags = tags;
  if (origin !== null) event.origin = origin;
  return event;
}

/** Size in an answer (bytes), where an event stands as JSON and again inside a JSON string. */
export function bytesInAnswer(event: Event): number {
  const json = JSON.stringify(event);
  return Buffer.byteLength(json) + Buffer.byteLength(JSON.stringify(json)) - 2;
}

/** Most bytes of a character there: \u0001 is escaped, and its backslash once more. */
const MOST_BYTES_EACH = 13;
/** Most bytes of all that is not a text of the publisher, and of the marks around these texts. */
const MOST_BYTES_AROUND = 1_000;

/** At least `bytesInAnswer`, from the lengths of the texts alone. */
export function bytesInAnswerAtMost(event: Event): number {
  const { event_type, payload, session_id, channel, correlation_id, title = "", tags, origin = "" } = event;
  const texts = event_type.length + payload.length + session_id.length + channel.length;
  const others = (correlation_id?.length ?? 0) + title.length + (tags?.join().length ?? 0) + origin.length;
  return MOST_BYTES_EACH * (texts + others) + MOST_BYTES_AROUND;
}
