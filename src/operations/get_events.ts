import type { Event } from "../domain/event.ts";
import { UsageError } from "../lib/command.ts";
import type { Json } from "../lib/json.ts";
import { lazily } from "../lib/lazily.ts";
import { shownEvents } from "./events_command.ts";
import { isNarrowed, params, type Query } from "./events_query.ts";
import { operation } from "./operation.ts";
import { withOwnSession, withSession } from "./params.ts";
import { printEvents } from "./print_events.ts";
import { sinceTime } from "./since.ts";

/** Wait of one call of `events --follow`. */
const FOLLOW_SECONDS = 60;

/** Loaded at the first call, so that commands do without it. */
const run = lazily(async () => (await import("./run_get_events.ts")).runGetEvents);

export const getEvents = operation({
  name: "get_events",
  about: "Read events and save your cursor, unless narrowed or peeked.",
  effect: "writes",
  scope: "read",
  params,
  command: {
    name: "events",
    about: "Show what happened. With a session, also moves its saved cursor.",
    examples: [
      ["events", "the newest 50"],
      ["events --since yesterday --from api", "what one session said since yesterday"],
      ['events --grep "token"', "search"],
      ["events -f", "show what comes, until Ctrl-C"],
      ['events --session-id "$SESSION_ID" --resume --order asc', "what is new since the last call"],
      ["events --resume --peek --min-level actionable", "look, without marking as seen"],
      ["events --resume --order asc --wait 60 --json", "wait up to a minute for news"],
    ],
    flags: {
      exclude: { about: "Leave out these types", value: "a,b" },
      all: { about: "Show lifecycle events too", boolean: true },
      full: { about: "Show each event whole", boolean: true },
      follow: {
        about: "Go on with new events, until Ctrl-C. With --json one event a line",
        boolean: true,
        short: "f",
      },
      timeout: {
        about: "Time limit of the call, e.g. 30s. A number alone is ms (default 10s)",
        value: "time",
      },
    },
    async before(args, flags, here) {
      timeoutOf(flags.timeout);
      const all = here.words ? { ...args, names: true } : args;
      return ackedLater(
        await sinceTime(
          args.resume === true ? withOwnSession(all, here, "--resume") : withSession(all, here),
        ),
      );
    },
    after: shownEvents,
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
  run,
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

const UNITS_MS = { ms: 1, s: 1_000, m: 60_000 } as const;

/** The time limit (ms). */
function timeoutOf(flag: string | boolean | undefined): number | undefined {
  if (flag === undefined) return undefined;
  const [, count, unit = "ms"] = /^([1-9]\d{0,8})(ms|s|m)?$/.exec(String(flag)) ?? [];
  if (count === undefined)
    throw new UsageError(`--timeout takes a time like 30s, or milliseconds, not "${flag}".`);
  return Number(count) * UNITS_MS[unit as keyof typeof UNITS_MS];
}
