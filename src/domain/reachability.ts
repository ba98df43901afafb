import type { Bus } from "./context.ts";
import type { Session } from "./session.ts";

/** Time until a living session learns of a message. */
export const REACHES = {
  wakes: "wakes within 1 s",
  prompt: "at its next prompt",
  polls: "only when it polls",
} as const;

export type Reach = (typeof REACHES)[keyof typeof REACHES];

/** The same for a sentence about the session. */
export const REACH_WORDS: Readonly<Record<Reach, string>> = {
  "wakes within 1 s": "wakes within 1 s",
  "at its next prompt": "sees it at its next prompt or tool use",
  "only when it polls": "sees it only when it asks for events",
};

/** Tells how a message reaches a session: by a waiting call, by its hooks, or only when it asks. */
export function reachOf(bus: Bus, session: Session): Reach {
  if (bus.waiters.has(session.session_id)) return REACHES.wakes;
  return session.state === null ? REACHES.polls : REACHES.prompt;
}
