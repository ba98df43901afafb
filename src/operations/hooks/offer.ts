import type { Bus } from "../../domain/context.ts";
import { isMail, type Path, type Unread } from "../../domain/direct_message.ts";
import type { Event } from "../../domain/event.ts";
import { type Inbox, inboxOf, takesAll, wakingOf } from "../../domain/inbox.ts";
import { tellPair } from "../../domain/ping_pong.ts";
import type { Session } from "../../domain/session.ts";
import type { Json } from "../../lib/json.ts";
import { digestOf, isDigested, Senders } from "./digest.ts";
import { UNKNOWN } from "./session.ts";

/** Maximum size of the payloads that a hook takes at once (characters). A single event may be larger. */
const MOST_CHARACTERS = 1024 * 1024;

export interface Wanted {
  path: Path;
  limit: number;
  digests: boolean;
  /** Its caller has no time limit. What another one is about to show is not shown twice. */
  patient?: boolean;
  /** True once its caller may be given nothing any more. */
  isOver?(): boolean;
}

/** Collects in the session's turn. If there is something to hand over, the turn lasts until confirm_events. */
export async function offer(bus: Bus, { session_id }: Session, wanted: Wanted): Promise<Json> {
  await bus.turns.take(session_id, wanted.patient);
  let found = false;
  try {
    if (wanted.isOver?.()) return nothingFor({ session_id });
    // Read again, because a concurrent hook may have moved its cursor.
    const session = await bus.store.sessions.get(session_id);
    if (session === undefined) return UNKNOWN;
    const offered = await offerNow(bus, session, wanted);
    found = offered.more !== 0 || offered.digest !== undefined || (offered.events as unknown[]).length > 0;
    return offered;
  } finally {
    if (!found) bus.turns.end(session_id);
  }
}

async function offerNow(bus: Bus, session: Session, { path, limit, digests }: Wanted): Promise<Json> {
  const inbox = await inboxOf(bus, session, path, limit);
  const nothing = nothingFor(session);
  if (path === "wake" || path === "stop") {
    const waking = await wakingOf(bus, session, inbox.unread);
    if (waking !== undefined && "restraint" in waking && waking.restraint === "ping_pong")
      await tellPair(bus, session, waking.event);
    if (waking === undefined || "restraint" in waking) return nothing;
  }
  if (inbox.unread.length === 0 && !(digests ? isDigested(inbox) : inbox.digest.length > 0)) {
    if (takesAll(path)) passOver(bus, session, inbox);
    return nothing;
  }
  const count = fitting(inbox.unread);
  const before = await remember(bus, session, path, inbox.unread.slice(0, count));
  // Another hook may have offered some since the inbox was read.
  for (const one of inbox.unread) one.repeat ||= before.has(one.event.id);
  return answer(bus, session, inbox, count, { path, limit, digests });
}

/** True if a hook would be given something now. */
export async function hasNews(bus: Bus, sessionId: string, path: "prompt" | "tool"): Promise<boolean> {
  const session = await bus.store.sessions.get(sessionId);
  if (session === undefined) return false;
  const inbox = await inboxOf(bus, session, path, 1);
  if (inbox.unread.length > 0 || isDigested(inbox)) return true;
  if (takesAll(path)) passOver(bus, session, inbox);
  return false;
}

export function nothingFor({ session_id }: Pick<Session, "session_id">) {
  return { session_id, events: [], more: 0 };
}

/** None of these events concern the session, so the next look may start behind them. */
function passOver(bus: Bus, session: Session, { lookedTo }: Inbox): void {
  if (lookedTo <= (session.cursor ?? 0)) return;
  bus.store.sessions
    .advanceCursor(session.session_id, lookedTo)
    .catch((error) => bus.warn(`could not save the cursor of ${session.display_id}: ${error}`));
}

function fitting(unread: readonly Unread[]): number {
  let characters = 0;
  const beyond = unread.findIndex(({ event }) => {
    characters += event.payload.length;
    return characters > MOST_CHARACTERS;
  });
  return beyond === -1 ? unread.length : Math.max(1, beyond);
}

function remember(
  bus: Bus,
  { session_id: sessionId }: Session,
  by: Path,
  taken: readonly Unread[],
): Promise<ReadonlySet<number>> {
  const events = taken.map(({ event }) => event);
  const [single, others] = takesAll(by)
    ? [events.filter(isMail), events.filter((event) => !isMail(event))]
    : [events, []];
  return bus.store.mail.offer({ sessionId, by, single, others });
}

async function answer(
  bus: Bus,
  session: Session,
  inbox: Inbox,
  count: number,
  { path, digests }: Wanted,
): Promise<Json> {
  const { unread, rest, digest, lookedTo } = inbox;
  const unshown = unread.slice(count).map(({ event }) => event);
  // An older hook only knows a number.
  const left = [...unshown, ...rest, ...(digests ? [] : digest)];
  const senders = new Senders(bus);
  const events = [];
  for (const { event, repeat } of unread.slice(0, count))
    events.push({ ...event, from: await senders.get(event.session_id), ...(repeat && { repeat }) });
  return {
    session_id: session.session_id,
    events,
    more: left.length,
    more_from: await senders.counted(left),
    ...(digests && isDigested(inbox) && { digest: await digestOf(bus, session, inbox, senders) }),
    // The saved cursor can follow once everything was shown.
    ...(takesAll(path) && cursors(unread, unshown, lookedTo)),
  };
}

/** `cursor` is for older hooks, which take the next unshown event for the first one: only if it is. */
function cursors(unread: readonly Unread[], unshown: readonly Event[], lookedTo: number): Json {
  const next = unshown.find((event) => !isMail(event));
  const seen_to = next === undefined ? lookedTo : next.id - 1;
  const inOrder = unread.every(({ event }, i) => i === 0 || event.id > (unread[i - 1]?.event.id ?? 0));
  return { seen_to, ...(inOrder && { cursor: seen_to }) };
}
