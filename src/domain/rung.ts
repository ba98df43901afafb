import type { Place, Session } from "./session.ts";

/**
 * How long a mod carries its session after each of its calls (ms). An idle one calls every 20 s, and at most 15 s after a call
 * that failed.
 */
export const MOD_LEASE_MS = 45_000;

/** How a session gets its messages: by the mod in its client, a waiter, its next hook, or only by its own questions. */
export type Rung = "mod" | "waiter" | "hooks" | "polls";

type Facts = Pick<Session, "session_id" | "rung" | "rung_until" | "state">;

/** The one rung that carries a session: the highest that is there. */
export function rungOf(session: Facts, { now, isHeld }: Pick<Place, "now" | "isHeld">): Rung {
  const left = session.rung_until - now;
  // A longer lease is from before the clock went back.
  if (session.rung === "mod" && left > 0 && left <= MOD_LEASE_MS) return "mod";
  if (session.state === null) return "polls";
  return session.state === "idle" && isHeld(session.session_id) ? "waiter" : "hooks";
}
