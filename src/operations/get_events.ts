import type { Event } from "../domain/event.ts";
import { deletedRefusal } from "../domain/session.ts";
import { UsageError } from "../lib/command.ts";
import type { Json } from "../lib/json.ts";
import { isNarrowed, params, type Query } from "./events_query.ts";
import { operation } from "./operation.ts";
import { withOwnSession, withSession } from "./params.ts";
import { touch } from "./present.ts";
import { printEvents } from "./print_events.ts";
import { read, startOf, waitFor } from "./read_events.ts";

/** Wait of one call of `events --follow`. */
const FOLLOW_SECONDS = 60;

export const getEvents = operation({
  name: "get_events",
  about: "Read events and save your cursor; a narrowed or peeked read saves nothing.",
  effect: "writes",
  scope: "read",
  params,
  command: {
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
  async run(bus, given, call) {
    // A caller that may only read leaves no trace in the sessions of others.
    const onlyReads = call.caller.scope === "read";
    const args = onlyReads ? { ...given, peek: true } : given;
    const session = args.session_id ? await bus.store.sessions.get(args.session_id) : undefined;
    const acked = args.acks && !onlyReads && session !== undefined;
    if (session !== undefined && session.deleted_at !== null) return deletedRefusal(session);
    if (!onlyReads) touch(bus, session);
    const start = await startOf(bus, args, session, acked);
    if ("answer" in start) return start.answer;
    // A narrowed wait, or one of another caller, does not make the session reachable.
    const reached = onlyReads || isNarrowed(args) ? undefined : session?.session_id;
    return args.wait_seconds ? waitFor(bus, args, start, call, reached) : read(bus, args, start, call);
  },
  print: printEvents,
});

/** Makes a read that moves the saved cursor peek. The cursor moves once the output was written. */
function ackedLater(args: Json): Json {
  const moves = args.session_id !== undefined && args.peek !== true && !isNarrowed(args as Query);
  return moves ? { ...args, peek: true, acks: true } : args;
}

/** First event to acknowledge after a read. Null if there are no events. Derived if an older bus does not say. */
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
