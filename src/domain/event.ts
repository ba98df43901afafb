import type { Level } from "./level.ts";
import { levelOf } from "./level.ts";

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
  /** The caller's origin, as the bus found out; null for events of old databases. */
  origin: string | null;
}

/** An event as every client sees it (WIRE.md 2). */
export interface Event {
  id: number;
  event_type: string;
  payload: string;
  session_id: string;
  /** RFC 3339, UTC, milliseconds. */
  timestamp: string;
  channel: string;
  correlation_id: string | null;
  signal_level: Level;
  title?: string;
  tags?: readonly string[];
  /** `local`, a login or a token's name, as the bus found out. session_id is what the publisher says. */
  origin?: string;
}

export const ANONYMOUS = "anonymous";

export function eventOf(id: number, timestamp: string, draft: EventDraft): Event {
  const event: Event = {
    id,
    event_type: draft.event_type,
    payload: draft.payload,
    session_id: draft.session_id,
    timestamp,
    channel: draft.channel,
    correlation_id: draft.correlation_id ?? null,
    signal_level: levelOf({
      event_type: draft.event_type,
      channel: draft.channel,
      explicit_level: draft.explicit_level ?? null,
    }),
  };
  if (draft.title !== undefined) event.title = draft.title;
  if (draft.tags !== undefined) event.tags = draft.tags;
  if (draft.origin !== null) event.origin = draft.origin;
  return event;
}
