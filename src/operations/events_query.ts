import type { Event } from "../domain/event.ts";
import { atLeast, LEVELS } from "../domain/level.ts";
import { type Args, SESSIONS } from "../lib/param.ts";
import { composed } from "../lib/unicode_form.ts";
import { CORRELATION_ID, EVENT_ID, EVENT_TYPES, SESSION_ID, WAIT } from "./params.ts";

/** Parameters of get_events. */
export const params = {
  cursor: {
    type: "cursor",
    optional: true,
    about: "Your last next_cursor",
    help: "Only events after this id",
  },
  limit: {
    type: "integer",
    default: 50,
    min: 0,
    max: "events_per_read",
    clamped: true,
    short: "n",
    about: "Maximum",
    help: "Maximum number of events",
  },
  session_id: SESSION_ID,
  order: { type: "text", default: "desc", max: 4, choices: ["asc", "desc"], about: "asc = oldest first" },
  channel: {
    type: "text",
    optional: true,
    max: "channel_bytes",
    about: "Channel",
    help: "Only events of this channel",
  },
  resume: {
    type: "boolean",
    default: false,
    about: "From your cursor",
    help: "Only events after the session's saved cursor",
  },
  event_types: { ...EVENT_TYPES, flag: "type", alias: "include" },
  peek: {
    type: "boolean",
    default: false,
    about: "Keep your cursor",
    help: "Leave the saved cursor where it is",
  },
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
    about: "Lowest level",
    help: "Only events of this level and above",
  },
  wait_seconds: {
    ...WAIT,
    optional: true,
    flag: "wait",
    about: "Wait for a match",
    help: "Wait up to this many seconds for a match",
  },
  text: {
    type: "text",
    optional: true,
    flag: "grep",
    max: "payload_bytes",
    about: "Substring",
    help: "Only events whose title or text contains this",
  },
  since: {
    type: "text",
    optional: true,
    listed: false,
    max: 64,
    value: "time",
    about: "Only from this time on: 1h, 14:00, yesterday, 2026-11-01",
  },
  event_id: { ...EVENT_ID, optional: true, flag: false, about: "Whole event" },
  before: { type: "cursor", optional: true, listed: false, about: "Only events with a lower id" },
  from: {
    type: "text",
    optional: true,
    listed: false,
    value: "name",
    max: "channel_bytes",
    offers: [SESSIONS, "@human"],
    about: "Only from this sender",
  },
  to: {
    type: "text",
    optional: true,
    listed: false,
    value: "name",
    max: "channel_bytes",
    offers: [SESSIONS, "@human", "all"],
    about: "Only to this name or channel",
  },
  names: {
    type: "boolean",
    default: false,
    flag: false,
    listed: false,
    about: "Adds the names of senders and recipients",
  },
} as const;

export type Query = Args<typeof params>;

/** True if the query leaves out events by what they are. Such a read moves no saved cursor. */
export function isNarrowed(args: Query): boolean {
  const { channel, event_types, correlation_id, text, since, before, from, to } = args;
  return Boolean(channel || event_types?.length || correlation_id || text || since || before || from || to);
}

/** True if a wait for the query has to look at the event. */
export function couldMatch(args: Query, event: Event): boolean {
  if (args.channel && composed(event.channel) !== composed(args.channel)) return false;
  if (args.correlation_id && event.correlation_id !== args.correlation_id) return false;
  if (args.event_types?.length && !args.event_types.includes(event.event_type)) return false;
  return args.min_level === undefined || atLeast(event.signal_level, args.min_level);
}
