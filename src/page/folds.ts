import { senderOf } from "./parties.ts";
import type { Event, Names } from "./types.ts";
import { clockOf, counted } from "./words.ts";

const JOINED = "session_registered";
const LEFT = "session_unregistered";

const isVisit = ({ event_type }: Event) => event_type === JOINED || event_type === LEFT;

/** A line for folded events: `6 sessions came and went, 09:12–18:02`. */
export function foldWords(events: readonly Event[]): string {
  const visits = events.filter(isVisit);
  const others = events.length - visits.length;
  const sessions = new Set(visits.map(({ session_id }) => session_id)).size;
  const both = visits.some(({ event_type }) => event_type !== visits[0]?.event_type);
  const verb = both ? "came and went" : visits[0]?.event_type === JOINED ? "came" : "went";
  const parts = [
    ...(sessions > 0 ? [`${counted(sessions, "session")} ${verb}`] : []),
    ...(others > 0 ? [counted(others, sessions > 0 ? "other event" : "event")] : []),
  ];
  return `${parts.join(", ")}, ${spanOf(events)}`;
}

function spanOf(events: readonly Event[]): string {
  const from = clockOf(events[0]?.timestamp ?? 0);
  const to = clockOf(events.at(-1)?.timestamp ?? 0);
  return from === to ? from : `${from}–${to}`;
}

/** The folded events in a few words each. Those of one minute and kind stand together. */
export function foldDetails(events: readonly Event[], names: Names): string[] {
  const groups: { what: string; who: string[] }[] = [];
  for (const event of events) {
    const what = `${VERBS[event.event_type] ?? event.event_type} ${clockOf(event.timestamp)}`;
    const { name } = senderOf(event, names);
    const last = groups.at(-1);
    if (last?.what !== what) groups.push({ what, who: [name] });
    else if (!last.who.includes(name)) last.who.push(name);
  }
  return groups.map(({ what, who }) => `${who.join(", ")} ${what}`);
}

const VERBS: Readonly<Record<string, string>> = { [JOINED]: "joined", [LEFT]: "left" };
