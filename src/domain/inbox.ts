import { type Attention, isFromPerson, type Push, pushOf, type Restraint, restraintOf } from "./attention.ts";
import type { Bus } from "./context.ts";
import type { Path, Unread } from "./direct_message.ts";
import type { Event } from "./event.ts";
import { type Session, sharedChannels } from "./session.ts";
import { stormsAmong } from "./storms.ts";

/** The events that a session has not seen. */
export interface Inbox {
  /** To be handed over one by one: direct messages first, then the newest of the others, each oldest first. */
  unread: Unread[];
  /** Direct messages that come the next time. */
  rest: Event[];
  /** Only counted, oldest first. Always empty but at a prompt and a start. */
  digest: Event[];
  /** Every event up to this id was looked at, but for direct messages. */
  lookedTo: number;
}

const PAGE = 200;
/** Sessions whose position is remembered. Forgetting one only means to look again. */
const MOST_REMEMBERED = 10_000;
/** A backlog longer than this is looked through over several calls. */
const MOST_LOOKED = 2_000;

/** True on the paths that take everything that is new. The others take what is handed over at once. */
export function takesAll(path: Path): boolean {
  return path === "prompt" || path === "start";
}

export function attentionOf(bus: Bus, { wake, muted_until }: Session): Attention {
  return { wake: wake ?? bus.wake, mutedUntil: muted_until };
}

/** How an event reaches a session, before budgets. */
export function pushTo(bus: Bus, session: Session, event: Event): Push {
  const push = pushOf(event, session, attentionOf(bus, session), bus.now());
  return bus.storms.has(event) && (push === "wake" || push === "hand_over") ? "digest" : push;
}

/** Finds what is unread for a session, at most `most` to hand over one by one. */
export async function inboxOf(bus: Bus, session: Session, path: Path, most: number): Promise<Inbox> {
  const isMuted = session.muted_until > bus.now();
  const waiting = isMuted ? [] : await bus.store.mail.unseen(session.session_id, most + PAGE);
  const mail = waiting.slice(0, most);
  const all = takesAll(path);
  const start = Math.max(session.cursor ?? 0, all ? 0 : (bus.looked.get(session.session_id) ?? 0));
  const { news, lookedTo } = await newsOf(bus, session, start);
  const known = new Set(waiting.map(({ event }) => event.id));
  const others = news.filter(({ event }) => !known.has(event.id));
  const storms = stormsAmong(others.map(({ event }) => event));
  const pushes = Map.groupBy(others, ({ event }) =>
    storms.has(event.id) ? "digest" : pushTo(bus, session, event),
  );
  const urgent = [...(pushes.get("wake") ?? []), ...(pushes.get("hand_over") ?? [])].sort(oldestFirst);
  const room = Math.max(0, most - mail.length);
  const shown = room === 0 ? [] : urgent.slice(-room);
  const counted = [...urgent.slice(0, urgent.length - shown.length), ...(pushes.get("digest") ?? [])];
  if (!all) remember(bus, session, Math.min(lookedTo, (urgent[0]?.event.id ?? Number.MAX_SAFE_INTEGER) - 1));
  return {
    unread: [...mail, ...shown],
    rest: waiting.slice(mail.length).map(({ event }) => event),
    digest: all ? counted.sort(oldestFirst).map(({ event }) => event) : [],
    lookedTo,
  };
}

function oldestFirst(a: Unread, b: Unread): number {
  return a.event.id - b.event.id;
}

function remember(bus: Bus, { session_id }: Session, lookedTo: number): void {
  if (bus.looked.size > MOST_REMEMBERED) bus.looked.clear();
  bus.looked.set(session_id, lookedTo);
}

async function newsOf(
  bus: Bus,
  session: Session,
  start: number,
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
    news.push(...page);
    after = page.at(-1)?.event.id ?? after;
    if (page.length < PAGE) return { news, lookedTo: Math.max(start, after, tip) };
  }
  return { news, lookedTo: after };
}

/** An event that may wake a session, or one that would but for its budget. Undefined if none would. */
export type Waking = { event: Event } | { event: Event; restraint: Restraint } | undefined;

/** Decides what of the unread events wakes the session. Its budget binds all but the user and answers to its questions. */
export async function wakingOf(bus: Bus, session: Session, unread: readonly Unread[]): Promise<Waking> {
  let restrained: Waking;
  for (const { event } of unread) {
    if (pushTo(bus, session, event) !== "wake") continue;
    if (isFromPerson(event) || (await answersOwn(bus, session, event))) return { event };
    const restraint = restraintOf(await bus.store.pushes.spent(session.session_id, event.session_id));
    if (restraint === null) return { event };
    restrained = { event, restraint };
  }
  return restrained;
}

/** True for an answer to a question that the session asked. */
async function answersOwn(bus: Bus, session: Session, event: Event): Promise<boolean> {
  if (event.event_type !== "answer" || event.correlation_id === null) return false;
  const { events } = await bus.store.events.read({
    limit: 1,
    order: "asc",
    correlation_id: event.correlation_id,
    event_types: ["question"],
  });
  return events[0]?.session_id === session.session_id;
}
