import { type Here, NoSessionError } from "../lib/command.ts";
import type { Json } from "../lib/json.ts";

export const SESSION_ID = {
  type: "text",
  optional: true,
  value: "id",
  max: "id_bytes",
  about: "Your session",
} as const;

export const CLIENT_ID = {
  type: "text",
  optional: true,
  min: 1,
  max: "id_bytes",
  about: "Stable id of your client",
} as const;

export const MACHINE = {
  type: "text",
  optional: true,
  flag: false,
  max: "machine_bytes",
  about: "Default: the bus's own",
} as const;

export const MACHINE_ID = {
  type: "text",
  optional: true,
  flag: false,
  listed: false,
  max: "id_bytes",
  about: "Stable id of that machine, which has another name now and then",
} as const;

export const PID_NAMESPACE = {
  type: "text",
  optional: true,
  flag: false,
  listed: false,
  max: "id_bytes",
  about: "PID namespace of the client",
} as const;

export const CORRELATION_ID = {
  type: "text",
  optional: true,
  max: "correlation_bytes",
  about: "Thread id",
} as const;

export const EVENT_TYPES = {
  type: "list",
  optional: true,
  max: "event_types",
  each: "event_type_bytes",
  about: "Only these types",
} as const;

export const EVENT_ID = { type: "integer", min: 1, max: Number.MAX_SAFE_INTEGER } as const;

export const WEBHOOK_ID = {
  type: "integer",
  min: 0,
  max: Number.MAX_SAFE_INTEGER,
  about: "Webhook id",
} as const;

export const SECRET = { type: "text", optional: true, max: "secret_bytes" } as const;

/** How long a call waits. */
export const WAIT = { type: "integer", min: 0, max: "wait_seconds" } as const;

/** The channel of a recipient as people name it: a session's name, `@claim`, `all`, or a channel. */
export function channelOf(to: string): string {
  return to === "all" || /^(@|(session|repo|machine):)/.test(to) ? to : `session:${to}`;
}

/** Adds the session of the shell or hook that runs the command, unless the arguments name one. */
export function withSession(args: Json, here: Here): Json {
  const { session_id, ...others } = args;
  const own = session_id || here.sessionId;
  return own === undefined ? others : { ...others, session_id: own };
}

/** Reads the payload from stdin if it is "-", and adds the session like `withSession`. */
export async function withPayload(args: Json, here: Here): Promise<Json> {
  const payload = args.payload === "-" ? await here.stdin() : args.payload;
  return withSession({ ...args, payload }, here);
}

/**
 * Adds a session as `withSession` does, for the command that `what` names.
 * @throws NoSessionError when there is no session.
 */
export function withOwnSession(args: Json, here: Here, what: string): Json {
  const completed = withSession(args, here);
  if (completed.session_id === undefined)
    throw new NoSessionError(
      `${what} needs a session. Add --session-id ID.`,
      "Or set AGENT_EVENT_BUS_SESSION_ID for the whole shell.",
    );
  return completed;
}

export const NEED_ID = {
  type: "integer",
  min: 1,
  max: Number.MAX_SAFE_INTEGER,
  about: "Id of the need",
} as const;
