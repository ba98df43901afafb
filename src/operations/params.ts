import { type Here, NoSessionError } from "../lib/command.ts";
import type { Json } from "../lib/json.ts";
import type { Param } from "../lib/param.ts";

export const SESSION_ID = {
  type: "text",
  optional: true,
  max: "id_bytes",
  about: "Your session_id",
} as const satisfies Param;

export const CLIENT_ID = {
  type: "text",
  optional: true,
  min: 1,
  max: "id_bytes",
  about: "Your client's stable id, e.g. its PID",
} as const satisfies Param;

export const MACHINE = {
  type: "text",
  optional: true,
  flag: false,
  max: "machine_bytes",
  about: "Default: the bus's",
} as const satisfies Param;

export const CORRELATION_ID = {
  type: "text",
  optional: true,
  max: "correlation_bytes",
  about: "Ties answers to a request",
} as const satisfies Param;

export const WEBHOOK_ID = {
  type: "integer",
  min: 0,
  max: Number.MAX_SAFE_INTEGER,
  about: "From list_webhooks",
} as const satisfies Param;

/** The session of the shell or hook that runs the command, unless the arguments name one. */
export function withSession(args: Json, here: Here): Json {
  const { session_id, ...others } = args;
  const own = session_id || here.sessionId;
  return own === undefined ? others : { ...others, session_id: own };
}

/** The same for what cannot do without a session; `what` names it. */
export function withOwnSession(args: Json, here: Here, what: string): Json {
  const completed = withSession(args, here);
  if (completed.session_id === undefined)
    throw new NoSessionError(
      `${what} needs a session: give --session-id.`,
      "Or set AGENT_EVENT_BUS_SESSION_ID once for the whole shell.",
    );
  return completed;
}
