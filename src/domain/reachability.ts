import type { Bus } from "./context.ts";
import type { Session } from "./session.ts";

/** Time until a living session learns of a message, and the same for a sentence about the session. */
export const REACH_WORDS = {
  "wakes within 1 s": "wakes within 1 s",
  "at its next prompt": "sees it at its next prompt or tool use",
  "only when it polls": "sees it only when it asks for events",
} as const;

export type Reach = keyof typeof REACH_WORDS;

/** Tells how a message reaches a session: by a waiting call, by its hooks, or only when it asks. */
export function reachOf(bus: Bus, session: Session): Reach {
  if (bus.subscriptions.has(session.session_id)) return "wakes within 1 s";
  return session.state === null ? "only when it polls" : "at its next prompt";
}
