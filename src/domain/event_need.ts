import { visibleLine } from "../lib/escape.ts";
import { ORIGINS } from "./caller.ts";
import { ANONYMOUS, ANSWER, BUS_ITSELF, type EventDraft, PERSON, PERSON_CHANNEL } from "./event.ts";
import { levelOf } from "./level.ts";
import { type EventNeed, MOST_TEXT, type Settled } from "./need.ts";

/** The need that an event opens: a question to the person, or a session's call for help. */
export function needOf(event: EventDraft): EventNeed | null {
  const kind = kindOf(event);
  if (kind === null || event.session_id === PERSON || event.session_id === BUS_ITSELF) return null;
  const { session_id, title, payload, correlation_id = null } = event;
  const text = visibleLine(title === undefined ? payload : `${title}: ${payload}`, MOST_TEXT);
  return { kind, session_id, text, correlation: correlation_id };
}

function kindOf(event: EventDraft): EventNeed["kind"] | null {
  const { event_type, channel, correlation_id, session_id } = event;
  // An answer to nobody in particular would reach nobody.
  if (event_type === "help_needed")
    return session_id !== ANONYMOUS && levelOf(event) === "actionable" ? "help" : null;
  return event_type === "question" && channel === PERSON_CHANNEL && correlation_id ? "ask" : null;
}

/** The needs that an event ends as the answer to theirs. */
export function settledBy({ event_type, correlation_id, payload, origin }: EventDraft): Settled | null {
  if (event_type !== ANSWER || !correlation_id) return null;
  return { correlation: correlation_id, text: payload, by: origin === ORIGINS.person ? origin : null };
}
