/** A bound on what a client may send or hold. */
interface Limit {
  fallback: number;
  /** The largest value it can be set to. */
  most: number;
  about: string;
}

const KIB = 1024;
const MIB = 1024 * KIB;

/**
 * Every bound, by the name that a refusal gives it. `_bytes` are bytes of UTF-8. One remote peer (a token, a login) may hold
 * a quarter of a bound at most, and all of them together three quarters.
 */
export const LIMITS = {
  body_bytes: { fallback: 4 * MIB, most: 64 * MIB, about: "Request body" },
  json_depth: { fallback: 64, most: 1_000, about: "Levels of nesting in a request" },
  json_values: { fallback: 10_000, most: 1_000_000, about: "Values in a request, at every level" },
  payload_bytes: { fallback: MIB, most: 32 * MIB, about: "Payload of an event" },
  title_bytes: { fallback: 256, most: 64 * KIB, about: "Title of an event or a notification" },
  tags: { fallback: 32, most: 1_000, about: "Tags of an event" },
  tag_bytes: { fallback: 64, most: 4 * KIB, about: "One tag" },
  event_type_bytes: { fallback: 128, most: 4 * KIB, about: "Type of an event" },
  channel_bytes: { fallback: 256, most: 4 * KIB, about: "Name of a channel" },
  correlation_bytes: { fallback: 256, most: 4 * KIB, about: "A correlation id" },
  name_bytes: { fallback: 256, most: 4 * KIB, about: "Name of a session or a repository" },
  id_bytes: { fallback: 256, most: 4 * KIB, about: "Id of a session or a client" },
  machine_bytes: { fallback: 256, most: 4 * KIB, about: "Name of a machine" },
  cwd_bytes: { fallback: 4 * KIB, most: 64 * KIB, about: "Working directory of a session" },
  message_bytes: { fallback: 4 * KIB, most: 64 * KIB, about: "Text of a notification" },
  url_bytes: { fallback: 2 * KIB, most: 16 * KIB, about: "URL of a webhook" },
  secret_bytes: { fallback: 256, most: 4 * KIB, about: "Secret of a webhook or a source" },
  sources: { fallback: 100, most: 1_000, about: "Sources" },
  arrival_bytes: { fallback: MIB, most: 32 * MIB, about: "Body that a source sends" },
  sessions: { fallback: 10_000, most: 1_000_000, about: "Live sessions" },
  webhooks: { fallback: 100, most: 1_000, about: "Webhooks" },
  event_types: { fallback: 64, most: 500, about: "Event types in one filter" },
  events_per_read: { fallback: 1_000, most: 100_000, about: "Events that one read returns" },
  reply_bytes: {
    fallback: 4 * MIB,
    most: 256 * MIB,
    about:
      "Answer to one read, or a quarter of it for other machines. A longer answer ends early with has_more",
  },
  wait_seconds: { fallback: 300, most: 3_600, about: "Time that one call waits (s)" },
  waiters: { fallback: 1_024, most: 100_000, about: "Calls that wait at once" },
  calls: { fallback: 2_048, most: 100_000, about: "Calls under way at once, including those that wait" },
  bodies_bytes: {
    fallback: 128 * MIB,
    most: 4_096 * MIB,
    about: "Requests of other machines that arrive at once",
  },
  unread_bytes: {
    fallback: 128 * MIB,
    most: 4_096 * MIB,
    about: "Answers that other machines have not read yet",
  },
  calls_per_second: { fallback: 500, most: 1_000_000, about: "Calls per second of one remote peer" },
  traffic_bytes_per_second: {
    fallback: 4 * MIB,
    most: 4_096 * MIB,
    about: "Requests and answers per second of one remote peer",
  },
  publish_per_second: { fallback: 200, most: 1_000_000, about: "Events per second of one remote peer" },
  publish_burst: {
    fallback: 1_000,
    most: 1_000_000,
    about: "Largest burst of events of one peer, where a rate applies",
  },
  local_publish_per_second: {
    fallback: 0,
    most: 1_000_000,
    about: "Events per second of all programs of this machine together (0: no limit)",
  },
} as const satisfies Record<string, Limit>;

export type LimitName = keyof typeof LIMITS;

export type Limits = Readonly<Record<LimitName, number>>;

/** A bound by its name, or a fixed one. */
export type Bound = LimitName | number;

export function boundOf(bound: Bound, limits: Limits): number {
  return typeof bound === "number" ? bound : limits[bound];
}

/** Names the limit at the end of a refusal, like ` (limit payload_bytes)`. */
export function limitNote(bound: Bound): string {
  return typeof bound === "number" ? "" : ` (limit ${bound})`;
}
