import { type Attention, isFromPerson, type Push, pushOf, type Restraint, restraintOf } from "./attention.ts";
import type { Bus } from "./context.ts";
import { isMail, type Path, type Unread } from "./direct_message.ts";
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
  /** The others begin behind this event. */
  from: number;
  /** Events before this one were not looked at, though they are new. 0 without such events. */
  olderThan: number;
  /** Direct messages that wait until the session is no longer muted. 0 if it was told of all of them. */
  muted: number;
  /** Every event up to this id was looked at, but for direct messages. */
  lookedTo: number;
}

const PAGE = 50;
/** Sessions whose position is remembered. Forgetting one only means to look again. */
const MOST_REMEMBERED = 10_000;
/** Of a longer backlog, and of a larger one (characters), only the newest events are looked at. */
const MOST_LOOKED = 1_000;
const MOST_LOOKED_CHARACTERS = 8 * 1024 * 1024;
/** Room for events in a hook's text (bytes), and the part of it that an event takes with ordinary names. */
const ROOM_BYTES = 6_500;
const HEAD_BYTES = 300;
const MOST_SHOWN_CHARACTERS = 2_000;

/** True on the paths that take everything that is new. The others take what is handed over at once. */
export function takesAll(path: Path): boolean {
  return path === "prompt" || path === "start";
}

export function attentionOf(bus: Bus, { wake, muted_until }: Session): Attention {
  return { wake: wake ?? bus.wake, mutedUntil: muted_until };
}

/** How an event reaches a session, before budgets. */
export function pushTo(bus: Bus, session: Session, event: Event): Push {
  return calmed(pushOf(event, session, attentionOf(bus, session), bus.now()), bus.storms.has(event));
}

/** An event of a storm is only counted. */
function calmed(push: Push, isStorm: boolean): Push {
  return isStorm && push !== "silent" ? "digest" : push;
}

/** Finds what is unread for a session, at most `most` to hand over one by one. */
export async function inboxOf(bus: Bus, session: Session, path: Path, most: number): Promise<Inbox> {
  const isMuted = session.muted_until > bus.now();
  const waiting = await bus.store.mail.unseen(session.session_id, most + PAGE);
  const mail = isMuted ? [] : waiting.slice(0, most);
  const all = takesAll(path);
  const from = Math.max(session.cursor ?? 0, all ? 0 : lookedBefore(bus, session));
  const looked = await newsOf(bus, session, from);
  const { lookedTo, olderThan } = looked;
  // Events that were offered one by one without being confirmed are among the messages.
  const known = new Set(waiting.map(({ event }) => event.id));
  const news = looked.news.filter(({ event }) => !known.has(event.id));
  const storms = stormsAmong(news.map(({ event }) => event));
  const pushes = Map.groupBy(news, ({ event }) => calmed(pushTo(bus, session, event), storms.has(event.id)));
  const urgent = [...(pushes.get("wake") ?? []), ...(pushes.get("hand_over") ?? [])].sort(oldestFirst);
  const shown = newestFitting(urgent, mail, most);
  const counted = [...urgent.slice(0, urgent.length - shown.length), ...(pushes.get("digest") ?? [])];
  if (!all) remember(bus, session, Math.min(lookedTo, (urgent[0]?.event.id ?? Number.MAX_SAFE_INTEGER) - 1));
  return {
    unread: [...mail, ...shown],
    rest: isMuted ? [] : waiting.slice(mail.length).map(({ event }) => event),
    digest: all ? counted.sort(oldestFirst).map(({ event }) => event) : [],
    ...{ from, olderThan: all ? olderThan : 0, lookedTo },
    muted: all && isMuted ? await newlyWaiting(bus, session, waiting) : 0,
  };
}

function oldestFirst(a: Unread, b: Unread): number {
  return a.event.id - b.event.id;
}

/** The newest events that a hook has room for beside the direct messages. What it cannot show would be counted twice. */
function newestFitting(urgent: readonly Unread[], mail: readonly Unread[], most: number): Unread[] {
  let bytes = mail.reduce((sum, unread) => sum + sizeOf(unread), 0);
  let first = urgent.length;
  while (first > 0 && mail.length + urgent.length - first < most) {
    bytes += sizeOf(urgent[first - 1]);
    if (bytes > ROOM_BYTES && mail.length + urgent.length - first > 0) break;
    first--;
  }
  return urgent.slice(first);
}

function sizeOf(unread: Unread | undefined): number {
  if (unread === undefined) return 0;
  const { payload, title = "" } = unread.event;
  return HEAD_BYTES + Buffer.byteLength(title) + Buffer.byteLength(payload.slice(0, MOST_SHOWN_CHARACTERS));
}

/** The number of direct messages that wait, if the session was not told of the last of them: its cursor is behind it. */
async function newlyWaiting(bus: Bus, { session_id, cursor }: Session, waiting: readonly Unread[]) {
  const direct = waiting.filter(({ event }) => isMail(event));
  if ((direct.at(-1)?.event.id ?? 0) <= (cursor ?? 0)) return 0;
  return waiting.length < PAGE ? direct.length : bus.store.mail.count(session_id);
}

function remember(bus: Bus, { session_id, cursor }: Session, to: number): void {
  if (bus.looked.size > MOST_REMEMBERED) bus.looked.clear();
  bus.looked.set(session_id, { to, cursor: cursor ?? 0 });
}

/** 0 if the session's cursor went back since. */
function lookedBefore(bus: Bus, { session_id, cursor }: Session): number {
  const looked = bus.looked.get(session_id);
  return looked === undefined || (cursor ?? 0) < looked.cursor ? 0 : looked.to;
}

/** The newest events behind `from`, oldest first. */
async function newsOf(
  bus: Bus,
  session: Session,
  from: number,
): Promise<Pick<Inbox, "lookedTo" | "olderThan"> & { news: Unread[] }> {
  // Read first, so that an event that comes meanwhile is looked at the next time.
  const tip = await bus.store.events.tip();
  const pages: Unread[][] = [];
  let [before, characters, more] = [Number.MAX_SAFE_INTEGER, 0, true];
  while (more && pages.length < MOST_LOOKED / PAGE && characters < MOST_LOOKED_CHARACTERS) {
    const page = await bus.store.mail.news({
      ...{ sessionId: session.session_id, after: from, before, limit: PAGE },
      channels: sharedChannels(session),
    });
    pages.unshift(page);
    for (const { event } of page) characters += event.payload.length;
    before = page[0]?.event.id ?? before;
    more = page.length === PAGE;
  }
  const news = pages.flat();
  const lookedTo = Math.max(from, tip, news.at(-1)?.event.id ?? 0);
  return { news, lookedTo, olderThan: more ? before : 0 };
}

/**
 * An event that wakes a session, or one that would but for its budget. `free`: it counts against no budget. Undefined if
 * none would.
 */
export type Waking = { event: Event; free: boolean } | { event: Event; restraint: Restraint } | undefined;

/** Decides what of the unread events wakes the session. Its budget binds all but the user and answers to its questions. */
export async function wakingOf(bus: Bus, session: Session, unread: readonly Unread[]): Promise<Waking> {
  let counted: Waking;
  let restrained: Waking;
  for (const { event } of unread) {
    if (pushTo(bus, session, event) !== "wake") continue;
    if (isFromPerson(event) || (await answersOwn(bus, session, event))) return { event, free: true };
    if (counted !== undefined) continue;
    const restraint = restraintOf(await bus.store.pushes.spent(session.session_id, event.session_id));
    if (restraint === null) counted = { event, free: false };
    else if (restrained === undefined || restraint === "ping_pong") restrained = { event, restraint };
  }
  return counted ?? restrained;
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
