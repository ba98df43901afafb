import { restraintOf } from "./attention.ts";
import type { Bus } from "./context.ts";
import { here } from "./context.ts";
import { attentionOf } from "./inbox.ts";
import type { Session } from "./session.ts";
import { isAlive } from "./session.ts";

/** How soon a session learns of a message (WIRE.md 12), and the words for it. */
export const REACH_WORDS = {
  wakes: "wakes within 1 s",
  next_tool: "sees it at its next tool use",
  next_prompt: "sees it at its next prompt",
  waiting_for_person: "waits for its user",
  muted: "is muted",
  over_budget: "was woken too often lately and sees it at its next prompt or tool use",
  polls_only: "sees it only when it asks for events",
  not_here: "is not here",
} as const;

export type Reach = keyof typeof REACH_WORDS;

/** Tells how a direct message reaches a session. `sender`: whose wakes count. */
export async function reachOf(bus: Bus, session: Session, sender?: string): Promise<Reach> {
  if (!isAlive(session, here(bus))) return "not_here";
  if (session.muted_until > bus.now()) return "muted";
  const waits = bus.subscriptions.has(session.session_id);
  if (session.state === null) return waits ? "wakes" : "polls_only";
  if (session.state === "busy" && !waits) return "next_tool";
  if (!waits || attentionOf(bus, session).wake === "off") return "next_prompt";
  return (await isSpent(bus, session, sender)) ? "over_budget" : "wakes";
}

async function isSpent(bus: Bus, { session_id }: Session, sender = ""): Promise<boolean> {
  const spent = await bus.store.pushes.spent(session_id, sender);
  return restraintOf(spent) !== null;
}
