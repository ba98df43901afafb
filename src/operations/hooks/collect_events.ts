import type { Call } from "../../domain/call.ts";
import { type Bus, here } from "../../domain/context.ts";
import { isMail, PATHS, type Path, type Unread } from "../../domain/direct_message.ts";
import type { Event } from "../../domain/event.ts";
import { type Inbox, inboxOf, pushTo, takesAll, wakingOf } from "../../domain/inbox.ts";
import { tellPair } from "../../domain/ping_pong.ts";
import { rungOf } from "../../domain/rung.ts";
import type { Session } from "../../domain/session.ts";
import { firstWords, MOST_WORDS } from "../../lib/first_words.ts";
import type { Json } from "../../lib/json.ts";
import { operation } from "../operation.ts";
import { digestOf, isDigested, Senders } from "./digest.ts";
import { endDialogs, HOOK_SESSION, hookSession, report, statedMachine, UNKNOWN } from "./session.ts";
import { renameTo, takeWoken, toldOf } from "./user_line.ts";

/** Maximum size of the payloads that a hook takes at once (characters). A single event may be larger. */
const MOST_CHARACTERS = 1024 * 1024;
export const collectEvents = operation({
  name: "collect_events",
  about: "Take a session's unread events to hand them over. confirm_events then confirms them.",
  effect: "writes",
  listed: false,
  params: {
    ...HOOK_SESSION,
    path: { type: "text", max: 8, choices: PATHS, about: "Hook that asks" },
    limit: { type: "integer", default: 20, min: 1, max: 100, about: "Maximum number of events" },
    title: {
      type: "text",
      optional: true,
      min: 1,
      max: "name_bytes",
      about: "Name that the user gave it",
    },
    digests: { type: "boolean", default: false, about: "The hook shows a digest" },
    automatic: { type: "boolean", default: false, about: "The client prompted itself, as when it is woken" },
    bus_tool: { type: "boolean", default: false, about: "The tool belongs to the bus" },
    wait_seconds: {
      type: "integer",
      optional: true,
      min: 0,
      max: 3_600,
      about: "Wait up to N seconds for one",
    },
    last_words: {
      type: "text",
      optional: true,
      max: MOST_WORDS * 4,
      about: "Start of the agent's last answer",
    },
    stays: {
      type: "boolean",
      default: false,
      about: "The waiter takes the session over from a mod that holds no call",
    },
    running_ms: {
      type: "integer",
      min: 0,
      max: Number.MAX_SAFE_INTEGER,
      optional: true,
      about: "Age of the waiter (ms)",
    },
  },
  async run(bus, args, call) {
    const session = await hookSession(bus, args);
    if (session === undefined) return UNKNOWN;
    const waits = args.path === "wake";
    if (!waits) {
      bus.subscriptions.dismiss(session.session_id);
      endDialogs(bus, session);
    }
    const since = performance.now() - (args.running_ms ?? 0);
    if (waits && since < (bus.atWork.get(session.session_id) ?? Number.NEGATIVE_INFINITY))
      return leave(session);
    if (args.path === "prompt" || args.path === "tool") noteWork(bus, session, args.path);
    const woken = waits ? undefined : takeWoken(bus, session);
    // Its model has yet to be called with what it was woken by.
    const isAwaking = args.path === "prompt" && args.automatic;
    const works = (args.path === "prompt" && !args.automatic) || (args.path === "tool" && !args.bus_tool);
    const lastWords = args.last_words && firstWords(args.last_words);
    const told = {
      branch: args.branch,
      machine: waits ? undefined : statedMachine(bus, args),
      works,
      lastWords,
      readMsAgo: waits ? args.running_ms : isAwaking ? undefined : 0,
    };
    report(bus, session, waits || args.path === "stop" ? "idle" : "busy", told);
    const isHeld = bus.subscriptions.has(session.session_id);
    if (waits && !args.mod && rungOf(session, here(bus)) === "mod") {
      if (isHeld || !args.stays) return leave(session, !isHeld);
      await bus.store.sessions.carry(session.session_id, 0);
    }
    if (waits)
      return hold(bus, session, call, args.limit, Math.min(args.wait_seconds ?? 0, bus.limits.wait_seconds));
    const changed = await renameTo(bus, session, args.title);
    return { ...(await offer(bus, session, args)), ...changed, ...(await toldOf(bus, await woken)) };
  },
});

/** Tells a waiter that waiting is pointless: its session is at work, or a mod carries it. `unheld`: that mod may be gone. */
function leave({ session_id }: Session, unheld = false): Json {
  return { session_id, events: [], more: 0, left: true, ...(unheld && { unheld }) };
}

const MOST_REMEMBERED = 10_000;

/** Ends waiters that began before now, even those that have not asked yet. The other buses are told at the start of a turn. */
function noteWork(bus: Bus, { session_id, state }: Session, path: "prompt" | "tool"): void {
  if (bus.atWork.size > MOST_REMEMBERED) bus.atWork.clear();
  bus.atWork.set(session_id, performance.now());
  if (path === "prompt" || state !== "busy") bus.store.peers.tell({ does: "work", key: session_id });
}

interface Wanted {
  path: Path;
  limit: number;
  digests: boolean;
  /** Its caller has no time limit. What another one is about to show is not shown twice. */
  patient?: boolean;
}

/** Collects in the session's turn. If there is something to hand over, the turn lasts until confirm_events. */
async function offer(bus: Bus, { session_id }: Session, wanted: Wanted): Promise<Json> {
  await bus.turns.take(session_id, wanted.patient);
  let found = false;
  try {
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
  const nothing = { session_id: session.session_id, events: [], more: 0 };
  if (path === "wake" || path === "stop") {
    const waking = await wakingOf(bus, session, inbox.unread);
    if (waking !== undefined && "restraint" in waking && waking.restraint === "ping_pong")
      await tellPair(bus, session, waking.event);
    if (waking === undefined || "restraint" in waking) return nothing;
  }
  if (inbox.unread.length === 0 && !(digests ? isDigested(inbox) : inbox.digest.length > 0)) {
    // None of these events concern the session, so the next look may start behind them.
    if (takesAll(path) && inbox.lookedTo > (session.cursor ?? 0)) passOver(bus, session, inbox.lookedTo);
    return nothing;
  }
  const count = fitting(inbox.unread);
  const before = await remember(bus, session, path, inbox.unread.slice(0, count));
  // Another hook may have offered some since the inbox was read.
  for (const one of inbox.unread) one.repeat ||= before.has(one.event.id);
  return answer(bus, session, inbox, count, { path, limit, digests });
}

function passOver(bus: Bus, session: Session, to: number): void {
  bus.store.sessions
    .advanceCursor(session.session_id, to)
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

/** Waits for something that wakes the session. `left` in the answer: waiting again is pointless. `stops`: the bus stops. */
async function hold(bus: Bus, session: Session, call: Call, limit: number, most: number): Promise<Json> {
  const { session_id, muted_until } = session;
  const muted = (muted_until - bus.now()) / 1000;
  // A muted session looks again when the time is over.
  const seconds = muted > 0 ? Math.min(most, Math.ceil(muted)) : most;
  const wait = { call, seconds, sessionId: session_id, sole: true };
  const news = bus.subscriptions.subscribe(
    (event) => pushTo(bus, session, event) === "wake",
    undefined,
    wait,
  );
  for await (const _ of news) {
    const found = await offer(bus, session, { path: "wake", limit, digests: true, patient: most > 0 });
    if (found.unknown === true || (found.events as unknown[]).length > 0) return found;
  }
  return { session_id, events: [], more: 0, left: news.dismissed, stops: news.over };
}
