import { isDirect, isForYou, isFromYou } from "./parties.ts";
import { isFolded } from "./rows.ts";
import type { Event } from "./types.ts";

/** Which events the stream shows. */
export interface Filter {
  direct: boolean;
  actionable: boolean;
  withYou: boolean;
  /** A repository's name. */
  repo?: string | undefined;
  type?: string | undefined;
  /** A session's id, or `human`. */
  sender?: string | undefined;
  /** From a session, or to it. */
  session?: string | undefined;
  text: string;
  /** RFC 3339. */
  since?: string | undefined;
}

export const NO_FILTER: Filter = { direct: false, actionable: false, withYou: false, text: "" };

/** True if something is left out. */
export function isFiltering(filter: Filter): boolean {
  return Object.values(filter).some((value) => value !== false && value !== "" && value !== undefined);
}

/** Parameters of get_events that narrow a read to what may match. */
export function queryOf({ actionable, type, sender, text, since }: Filter) {
  return {
    ...(actionable && { min_level: "actionable" }),
    ...(type !== undefined && { event_types: [type] }),
    ...(sender !== undefined && { from: sender }),
    ...(text !== "" && { text }),
    ...(since !== undefined && { since }),
  };
}

/** Tells whether an event matches. `repos`: repositories by session id. */
export function matches(filter: Filter, event: Event, repos: ReadonlyMap<string, string>): boolean {
  const { session_id, channel } = event;
  if (filter.direct && !isDirect(event)) return false;
  if (filter.actionable && event.signal_level !== "actionable") return false;
  if (filter.withYou && !isFromYou(event) && !isForYou(event)) return false;
  if (filter.type !== undefined && event.event_type !== filter.type) return false;
  if (filter.sender !== undefined && session_id !== filter.sender) return false;
  if (filter.since !== undefined && event.timestamp < filter.since) return false;
  if (filter.repo !== undefined && channel !== `repo:${filter.repo}` && repos.get(session_id) !== filter.repo)
    return false;
  if (
    filter.session !== undefined &&
    session_id !== filter.session &&
    channel !== `session:${filter.session}`
  )
    return false;
  return filter.text === "" ? true : hasText(event, filter.text);
}

function hasText(event: Event, text: string): boolean {
  const wanted = text.toLowerCase();
  return (
    !isFolded(event) && [event.payload, event.title ?? ""].some((part) => part.toLowerCase().includes(wanted))
  );
}
