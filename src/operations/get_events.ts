import { type Bus, BusError, type Call } from "../domain/context.ts";
import { formatCursor, parseCursor } from "../domain/cursor.ts";
import { isMail, type MailState } from "../domain/direct_message.ts";
import type { Event } from "../domain/event.ts";
import { atLeast, LEVELS } from "../domain/level.ts";
import { deletedRefusal, notFound, type Session } from "../domain/session.ts";
import type { Batch, EventQuery } from "../domain/store.ts";
import { UsageError } from "../lib/command.ts";
import type { Json } from "../lib/json.ts";
import type { Args } from "../lib/param.ts";
import { operation } from "./operation.ts";
import { CORRELATION_ID, SESSION_ID, withOwnSession, withSession } from "./params.ts";
import { touch } from "./present.ts";
import { printEvents } from "./print_events.ts";
import { nextEvent } from "./waiting.ts";

const params = {
  cursor: { type: "cursor", optional: true, about: "Read after it: your last next_cursor" },
  limit: {
    type: "integer",
    default: 50,
    min: 0,
    max: "events_per_read",
    clamped: true,
    about: "Most to return",
  },
  session_id: SESSION_ID,
  order: { type: "text", default: "desc", max: 4, choices: ["asc", "desc"], about: "asc = oldest first" },
  channel: { type: "text", optional: true, max: "channel_bytes", about: "Only this channel" },
  resume: { type: "boolean", default: false, about: "Start at your saved cursor" },
  event_types: {
    type: "list",
    optional: true,
    flag: "include",
    max: "event_types",
    each: "event_type_bytes",
    about: "Only these types",
  },
  peek: { type: "boolean", default: false, about: "Keep the saved cursor" },
  acks: {
    type: "boolean",
    default: false,
    flag: false,
    listed: false,
    about: "With peek: tell in ack_from what to acknowledge once it was shown",
  },
  correlation_id: CORRELATION_ID,
  min_level: {
    type: "text",
    optional: true,
    max: 32,
    choices: LEVELS,
    about: "Hide events below this level",
  },
  wait_seconds: {
    type: "integer",
    optional: true,
    flag: "wait",
    min: 0,
    max: "wait_seconds",
    about: "Wait so long for a match",
  },
} as const;

/** Of one call of `events --follow`. */
const FOLLOW_SECONDS = 60;
type Query = Args<typeof params>;

export const getEvents = operation({
  name: "get_events",
  about: "Read events and save your cursor; a narrowed or peeked read saves nothing.",
  effect: "writes",
  scope: "read",
  params,
  commands: [
    {
      name: "events",
      examples: [
        ["events", "the newest 50"],
        ['events --session-id "$SESSION_ID" --resume --order asc', "what is new since the last call"],
        ["events --resume --peek --min-level actionable", "look, without marking as seen"],
        ["events --resume --order asc --wait 60 --json", "wait up to a minute for news"],
        ["events --follow --min-level actionable", "show what comes, until Ctrl-C"],
      ],
      flags: {
        exclude: { about: "Types to leave out, comma-separated", value: "a,b" },
        follow: { about: "Go on with what comes, until Ctrl-C; with --json one event a line", boolean: true },
        timeout: { about: "How long the bus may take to answer, ms (default 10000)", value: "ms" },
      },
      before(args, flags, here) {
        timeoutOf(flags.timeout);
        return ackedLater(
          args.resume === true ? withOwnSession(args, here, "--resume") : withSession(args, here),
        );
      },
      after({ ack_from: _, ...result }, flags) {
        if (flags.exclude === undefined && flags.follow !== true) return result;
        const excluded = String(flags.exclude ?? "")
          .split(",")
          .map((type) => type.trim());
        const events = (result.events as Event[]).filter((event) => !excluded.includes(event.event_type));
        return { ...result, events: flags.follow === true ? events.sort((a, b) => a.id - b.id) : events };
      },
      next: ({ resume: _, ...args }, { next_cursor }) => ({
        ...args,
        cursor: next_cursor,
        order: "asc",
        wait_seconds: FOLLOW_SECONDS,
      }),
      async shown({ acks, session_id }, result, call) {
        const from = acks === true ? ackFrom(result) : null;
        if (from !== null) await call("ack_events", { session_id, cursor: result.next_cursor, from });
      },
      timeoutMs(args, flags) {
        const patience = timeoutOf(flags.timeout) ?? 10_000;
        return patience + Number(args.wait_seconds ?? 0) * 1000;
      },
    },
  ],
  async run(bus, given, call) {
    // Whoever may only read leaves no trace in the sessions of others.
    const onlyReads = call.caller.scope === "read";
    const args = onlyReads ? { ...given, peek: true } : given;
    const session = args.session_id ? await bus.store.sessions.get(args.session_id) : undefined;
    const acked = args.acks && !onlyReads && session !== undefined;
    if (session !== undefined && session.deleted_at !== null) return deletedRefusal(session);
    if (!onlyReads) touch(bus, session);
    const start = await startOf(bus, args, session, acked);
    if ("answer" in start) return start.answer;
    // A call that waits for something else, or is another's, does not make the session reachable.
    const reached = onlyReads || isNarrowed(args) ? undefined : session?.session_id;
    return args.wait_seconds ? hold(bus, args, start, call, reached) : read(bus, args, start, call);
  },
  print: printEvents,
});

/** A read that moves the saved cursor peeks first: the cursor follows when the output was written. */
function ackedLater(args: Json): Json {
  const moves = args.session_id !== undefined && args.peek !== true && !isNarrowed(args as Query);
  return moves ? { ...args, peek: true, acks: true } : args;
}

/** The first event that a read has to acknowledge; null when there is nothing to. An older bus does not tell. */
function ackFrom({ ack_from, events, has_more, next_cursor }: Json): string | null {
  if (ack_from !== undefined) return ack_from as string | null;
  const ids = (events as Event[]).map(({ id }) => id);
  return ids.length > 0 || has_more === true ? String(Math.min(...ids, Number(next_cursor))) : null;
}

function timeoutOf(flag: string | boolean | undefined): number | undefined {
  if (flag === undefined) return undefined;
  if (!/^[1-9]\d{0,8}$/.test(String(flag)))
    throw new UsageError(`--timeout takes milliseconds, not "${flag}".`);
  return Number(flag);
}

interface Start {
  after: number | undefined;
  /** The registered session whose cursor this read moves; undefined when it moves none. */
  consumes: Session | undefined;
  /** The reader is told what to acknowledge. */
  acked: boolean;
  /** Start at the saved cursor, read inside the transaction that moves it. */
  resumes: boolean;
}

/** Where a read starts and whether it moves the saved cursor (WIRE.md 4). */
function startOf(
  bus: Bus,
  args: Query,
  session: Session | undefined,
  acked: boolean,
): Start | Promise<Start | { answer: Json }> {
  const consumes = args.peek || isNarrowed(args) ? undefined : session;
  const after = parseCursor(args.cursor) ?? undefined;
  return !args.resume || !args.session_id || after !== undefined
    ? { after, consumes, acked, resumes: false }
    : resumedAt(bus, args, session, { consumes, acked });
}

async function resumedAt(
  bus: Bus,
  args: Query,
  session: Session | undefined,
  what: Pick<Start, "consumes" | "acked">,
): Promise<Start | { answer: Json }> {
  if (session === undefined) return { answer: notFound(String(args.session_id)) };
  const consumes = what.consumes !== undefined;
  if (session.cursor !== null) return { ...what, after: session.cursor, resumes: consumes };
  if (!consumes && !what.acked) return { ...what, after: await bus.store.events.tip(), resumes: false };
  const tip = await bus.store.sessions.saveTip(session.session_id);
  if (args.wait_seconds) return { ...what, after: tip, resumes: consumes };
  return { answer: { events: [], next_cursor: formatCursor(tip), has_more: false } };
}

function isNarrowed({ channel, event_types, correlation_id }: Query): boolean {
  return Boolean(channel || event_types?.length || correlation_id);
}

async function read(
  bus: Bus,
  args: Query,
  start: Start,
  { caller }: Call,
): Promise<Json & { events: readonly Event[]; has_more: boolean }> {
  const query = {
    after: start.after,
    limit: args.limit,
    most_bytes: bus.limits.reply_bytes / (caller.local ? 1 : OTHERS_PART) - AROUND_BYTES,
    order: args.order,
    channel: args.channel || undefined,
    event_types: args.event_types?.length ? [...new Set(args.event_types)] : undefined,
    correlation_id: args.correlation_id || undefined,
  };
  const first = await bus.store.events.read(query);
  const { batch, warning } =
    start.consumes === undefined || first.events.length === 0
      ? { batch: first, warning: undefined }
      : await consumed(bus, start.consumes, start.resumes, query, first);
  const { events: raw, full } = batch;
  const { min_level } = args;
  const wanted =
    min_level === undefined ? raw : raw.filter((event) => atLeast(event.signal_level, min_level));
  return {
    events: batch.mail ? await Promise.all(wanted.map((event) => withDelivery(bus, event))) : wanted,
    next_cursor: formatCursor(raw.length > 0 ? batch.highest : emptyCursor(args, start, batch.tip)),
    has_more: full,
    ...(args.acks && { ack_from: start.acked ? lowestOf(raw) : null }),
    ...(warning === undefined ? {} : { warning }),
  };
}

function lowestOf(events: readonly Event[]): string | null {
  const [first, last] = [events[0], events.at(-1)];
  return first === undefined || last === undefined ? null : formatCursor(Math.min(first.id, last.id));
}

/** A direct message with how far it has come. */
async function withDelivery(bus: Bus, event: Event): Promise<Event & { delivery?: MailState }> {
  if (!isMail(event)) return event;
  const [mail] = await bus.store.mail.of(event.id);
  return mail === undefined ? event : { ...event, delivery: mail.state };
}

/** Writing a large answer holds every other call up, so that other machines get smaller ones. */
const OTHERS_PART = 4;
/** What an answer holds besides its events. */
const AROUND_BYTES = 1024;

/** Moves the saved cursor with the read; when the database takes no writes, the read goes on without that and says so. */
async function consumed(
  bus: Bus,
  { session_id }: Session,
  resumes: boolean,
  query: EventQuery,
  first: Batch,
): Promise<{ batch: Batch; warning?: string }> {
  try {
    return { batch: await bus.store.sessions.consume(session_id, resumes, query) };
  } catch (error) {
    if (!(error instanceof BusError)) throw error;
    return {
      batch: first,
      warning: `Your cursor was not saved, so a resume returns these events again: ${error.message}`,
    };
  }
}

// An empty read without a start has seen that nothing up to the tip matches, unless it asked for nothing from the first event on.
function emptyCursor(args: Query, start: Start, tip: number): number {
  return start.after ?? (args.limit === 0 && args.order === "asc" ? 0 : tip);
}

/** Reads, and while nothing matches waits for the next event that might; a page that `min_level` hid counts as read. */
async function hold(
  bus: Bus,
  args: Query,
  start: Start,
  call: Call,
  reached: string | undefined,
): Promise<Json> {
  const waiter = bus.waiters.open((event) => couldMatch(args, event), reached, false, call.caller);
  const seconds = args.wait_seconds ?? 0;
  try {
    const deadline = performance.now() + seconds * 1000;
    let ackFrom: unknown = null;
    for (let from = start; ; ) {
      const answer = await read(bus, args, from, call);
      ackFrom ??= answer.ack_from;
      if (args.acks) answer.ack_from = ackFrom;
      const left = deadline - performance.now();
      if (answer.events.length > 0 || args.limit === 0 || left <= 0 || waiter.over || call.signal.aborted)
        return answer;
      from = { ...from, after: parseCursor(String(answer.next_cursor)) ?? undefined };
      if (!answer.has_more && !(await nextEvent(waiter, call, deadline, seconds))) return answer;
      if (call.signal.aborted) return answer;
    }
  } finally {
    waiter.close();
  }
}

function couldMatch(args: Query, event: Event): boolean {
  if (args.channel && event.channel !== args.channel) return false;
  if (args.correlation_id && event.correlation_id !== args.correlation_id) return false;
  if (args.event_types?.length && !args.event_types.includes(event.event_type)) return false;
  return args.min_level === undefined || atLeast(event.signal_level, args.min_level);
}
