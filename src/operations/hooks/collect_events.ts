import type { Call } from "../../domain/call.ts";
import { type Bus, here } from "../../domain/context.ts";
import { isMail, PATHS, type Path, type Unread } from "../../domain/direct_message.ts";
import { type Inbox, inboxOf, wakes } from "../../domain/inbox.ts";
import { isAlive, type Session } from "../../domain/session.ts";
import type { Json } from "../../lib/json.ts";
import { operation } from "../operation.ts";
import { HOOK_SESSION, hookSession, report, UNKNOWN } from "./session.ts";

/** Maximum number of events counted beyond the limit. Only their number is told. */
const MOST_COUNTED = 200;
/** Maximum size of the payloads that a hook takes at once (characters). A single event may be larger. */
const MOST_CHARACTERS = 1024 * 1024;
/** Maximum number of sessions whose last work is remembered. */
const MOST_REMEMBERED = 10_000;

export const collectEvents = operation({
  name: "collect_events",
  about: "Take what is unread for a session, to hand it over; confirm_events says that it was.",
  effect: "writes",
  listed: false,
  params: {
    ...HOOK_SESSION,
    path: { type: "text", max: 8, choices: PATHS, about: "Which hook asks" },
    limit: { type: "integer", default: 20, min: 1, max: 100, about: "Most events to return" },
    wait_seconds: { type: "integer", optional: true, min: 0, max: 3_600, about: "Wait for one" },
    running_ms: {
      type: "integer",
      min: 0,
      max: Number.MAX_SAFE_INTEGER,
      optional: true,
      about: "Age of the waiter",
    },
  },
  async run(bus, args, call) {
    const session = await hookSession(bus, args);
    if (session === undefined) return UNKNOWN;
    const waits = args.path === "wake";
    if (!waits) bus.subscriptions.dismiss(session.session_id);
    const since = performance.now() - (args.running_ms ?? 0);
    if (waits && since < (bus.atWork.get(session.session_id) ?? Number.NEGATIVE_INFINITY))
      return { session_id: session.session_id, events: [], more: 0, left: true };
    if (args.path === "prompt" || args.path === "tool") {
      // Ends waiters that began before now, even those that have not asked yet.
      if (bus.atWork.size > MOST_REMEMBERED) bus.atWork.clear();
      bus.atWork.set(session.session_id, performance.now());
    }
    report(bus, session, waits || args.path === "stop" ? "idle" : "busy");
    return waits
      ? hold(bus, session, call, args.limit, Math.min(args.wait_seconds ?? 0, bus.limits.wait_seconds))
      : offer(bus, session, args.path, args.limit);
  },
});

/** Collects in the session's turn. If there is something to hand over, the turn lasts until confirm_events. */
async function offer(bus: Bus, { session_id }: Session, path: Path, limit: number): Promise<Json> {
  await bus.turns.take(session_id);
  let found = false;
  try {
    // Read again, because a concurrent hook may have moved its cursor.
    const session = await bus.store.sessions.get(session_id);
    if (session === undefined) return UNKNOWN;
    const offered = await offerNow(bus, session, path, limit);
    found = (offered.events as unknown[]).length > 0;
    return offered;
  } finally {
    if (!found) bus.turns.end(session_id);
  }
}

async function offerNow(bus: Bus, session: Session, path: Path, limit: number): Promise<Json> {
  const inbox = await inboxOf(bus, session, path, limit + MOST_COUNTED);
  if (inbox.unread.length === 0) {
    // None of these events concern the session, so the next look may start behind them.
    if (path === "prompt" && inbox.lookedTo > (session.cursor ?? 0))
      bus.store.sessions
        .advanceCursor(session.session_id, inbox.lookedTo)
        .catch((error) => bus.warn(`the cursor of ${session.display_id} was not saved: ${error}`));
    return { session_id: session.session_id, events: [], more: 0 };
  }
  const count = fitting(inbox.unread.slice(0, limit));
  await remember(bus, session, path, inbox.unread.slice(0, count));
  return answer(bus, session, path, inbox, count);
}

function fitting(unread: readonly Unread[]): number {
  let characters = 0;
  const beyond = unread.findIndex(({ event }) => {
    characters += event.payload.length;
    return characters > MOST_CHARACTERS;
  });
  return beyond === -1 ? unread.length : Math.max(1, beyond);
}

async function remember(bus: Bus, session: Session, by: Path, taken: readonly Unread[]): Promise<void> {
  const inOrder = by === "prompt" || by === "start";
  const events = taken.map(({ event }) => event);
  await bus.store.mail.offer({
    sessionId: session.session_id,
    by,
    single: inOrder ? events.filter(isMail) : events,
    upTo: inOrder ? (events.findLast((event) => !isMail(event))?.id ?? 0) : 0,
  });
}

async function answer(
  bus: Bus,
  session: Session,
  path: Path,
  { unread, lookedTo }: Inbox,
  count: number,
): Promise<Json> {
  const rest = unread.slice(count);
  const senders = new Map<string, Json>();
  for (const { event } of unread)
    if (!senders.has(event.session_id)) senders.set(event.session_id, await senderOf(bus, event.session_id));
  const counts = new Map<string, number>();
  for (const { event } of rest) {
    const name = String(senders.get(event.session_id)?.name ?? event.session_id);
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return {
    session_id: session.session_id,
    events: unread.slice(0, count).map(({ event, repeat }) => ({
      ...event,
      from: senders.get(event.session_id),
      ...(repeat && { repeat }),
    })),
    more: rest.length,
    more_from: Object.fromEntries(counts),
    // These paths go in order, so the saved cursor can follow once everything was shown.
    ...((path === "prompt" || path === "start") && {
      cursor: rest[0] === undefined ? lookedTo : rest[0].event.id - 1,
    }),
  };
}

async function senderOf(bus: Bus, sessionId: string): Promise<Json> {
  const sender = await bus.store.sessions.get(sessionId);
  if (sender === undefined) return { name: sessionId };
  const { name, display_id, repo, machine } = sender;
  return { name, display_id, repo, machine, here: isAlive(sender, here(bus)) };
}

/** Waits for something actionable. `left` in the answer: waiting again is pointless. `stops`: the bus stops. */
async function hold(bus: Bus, session: Session, call: Call, limit: number, seconds: number): Promise<Json> {
  const { session_id } = session;
  const wait = { call, seconds, sessionId: session_id, sole: true };
  const news = bus.subscriptions.subscribe((event) => wakes(session, event), undefined, wait);
  for await (const _ of news) {
    const found = await offer(bus, session, "wake", limit);
    if (found.more !== 0 || (found.events as unknown[]).length > 0) return found;
  }
  return { session_id, events: [], more: 0, left: news.dismissed, stops: news.over };
}
