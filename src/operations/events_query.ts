import type { Event } from "../domain/event.ts";
import { atLeast, LEVELS } from "../domain/level.ts";
import type { Args } from "../lib/param.ts";
import { CORRELATION_ID, EVENT_TYPES, SESSION_ID, WAIT } from "./params.ts";

/** Parameters of get_events. */
export const params = {
  cursor: { type: "cursor", optional: true, about: "Your last next_cursor" },
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
  event_types: { ...EVENT_TYPES, flag: "include" },
  peek: { type: "boolean", default: false, about: "Keep your cursor" },
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
    about: "Hide what is below",
  },
  wait_seconds: { ...WAIT, optional: true, flag: "wait", about: "Wait for a match" },
} as const;

export type Query = Args<typeof params>;

/** True if the query leaves out events by what they are. Such a read moves no saved cursor. */
export function isNarrowed({ channel, event_types, correlation_id }: Query): boolean {
  return Boolean(channel || event_types?.length || correlation_id);
}

/** True if a wait for the query has to look at the event. */
export function couldMatch(args: Query, event: Event): boolean {
  if (args.channel && event.channel !== args.channel) return false;
  if (args.correlation_id && event.correlation_id !== args.correlation_id) return false;
  if (args.event_types?.length && !args.event_types.includes(event.event_type)) return false;
  return args.min_level === undefined || atLeast(event.signal_level, args.min_level);
}
