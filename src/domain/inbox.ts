import type { Bus } from "./context.ts";
import { type Path, recipientOf, type Unread } from "./direct_message.ts";
import type { Event } from "./event.ts";
import { type Session, sharedChannels } from "./session.ts";

/** The events that a session has not seen, oldest first. */
export interface Inbox {
  unread: Unread[];
  /** Every event up to this id was looked at, but for direct messages. */
  lookedTo: number;
}

const PAGE = 200;
/** Sessions whose position is remembered. Forgetting one only means to look again. */
const MOST_REMEMBERED = 10_000;
/** A backlog longer than this is looked through over several calls. */
const MOST_LOOKED = 2_000;

/**
 * Finds what is unread for a session: its direct messages, and events for everyone, its repository and its machine. Never
 * its own events. At a tool, a stop or a wake only actionable events, otherwise all but lifecycle events.
 */
export async function inboxOf(bus: Bus, session: Session, path: Path, most: number): Promise<Inbox> {
  const urgent = path === "tool" || path === "stop" || path === "wake";
  const wanted = ({ signal_level }: Event) =>
    urgent ? signal_level === "actionable" : signal_level !== "lifecycle";
  const mail = await bus.store.mail.unseen(session.session_id, most);
  const start = Math.max(session.cursor ?? 0, urgent ? (bus.looked.get(session.session_id) ?? 0) : 0);
  const { news, lookedTo } = await newsOf(bus, session, start, most, wanted);
  if (bus.looked.size > MOST_REMEMBERED) bus.looked.clear();
  const first = news[0]?.event.id ?? Number.MAX_SAFE_INTEGER;
  if (urgent) bus.looked.set(session.session_id, Math.min(lookedTo, first - 1));
  const known = new Set(mail.map(({ event }) => event.id));
  const unread = [...mail, ...news.filter(({ event }) => !known.has(event.id))]
    .sort((a, b) => a.event.id - b.event.id)
    .slice(0, most);
  return { unread, lookedTo };
}

async function newsOf(
  bus: Bus,
  session: Session,
  start: number,
  most: number,
  wanted: (event: Event) => boolean,
): Promise<{ news: Unread[]; lookedTo: number }> {
  // Read first, so that an event that comes meanwhile is looked at the next time.
  const tip = await bus.store.events.tip();
  const news: Unread[] = [];
  let after = start;
  for (let looked = 0; looked < MOST_LOOKED; looked += PAGE) {
    const page = await bus.store.mail.news({
      sessionId: session.session_id,
      after,
      channels: sharedChannels(session),
      limit: PAGE,
    });
    for (const item of page) {
      if (wanted(item.event)) news.push(item);
      after = item.event.id;
      if (news.length === most) return { news, lookedTo: after };
    }
    if (page.length < PAGE) return { news, lookedTo: Math.max(start, after, tip) };
  }
  return { news, lookedTo: after };
}

/** True if an event may wake a waiting session. */
export function wakes(session: Session, event: Event): boolean {
  if (event.signal_level !== "actionable" || event.session_id === session.session_id) return false;
  return sharedChannels(session).includes(event.channel) || recipientOf(event.channel) === session.session_id;
}
