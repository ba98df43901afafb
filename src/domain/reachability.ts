import { restraintOf } from "./attention.ts";
import type { Resolution } from "./channel.ts";
import type { Bus } from "./context.ts";
import { here } from "./context.ts";
import { attentionOf } from "./inbox.ts";
import type { Session } from "./session.ts";
import { isAlive } from "./session.ts";

/** How soon a session learns of a message (WIRE.md 12), and the words for it. */
const REACH_WORDS = {
  wakes: "wakes within 1 s",
  next_tool: "at its next tool use",
  next_prompt: "at its next prompt",
  waiting_for_person: "waiting for the person",
  muted: "muted",
  over_budget: "over its budget",
  polls_only: "only when it polls",
  not_here: "not here",
} as const;

export type Reach = keyof typeof REACH_WORDS;

/** The words for a reach. An older bus sends words itself. */
export function reachWords(reach: unknown): string {
  return REACH_WORDS[reach as Reach] ?? String(reach);
}

/** Tells how a direct message reaches its recipient. Undefined if it reaches nobody. `sender`: whose wakes count. */
export async function reachOfMail(
  bus: Bus,
  { recipient, person }: Exclude<Resolution, { refusal: unknown }>,
  sender: string,
): Promise<{ reach?: Reach }> {
  if (person) return { reach: "waiting_for_person" };
  return recipient === undefined ? {} : { reach: await reachOf(bus, recipient, sender) };
}

/** Tells how a direct message reaches a session. `sender`: whose wakes count. */
export async function reachOf(bus: Bus, session: Session, sender?: string): Promise<Reach> {
  if (!isAlive(session, here(bus))) return "not_here";
  if (session.muted_until > bus.now()) return "muted";
  if (bus.dialogs.of(session.session_id)?.certain === true) return "waiting_for_person";
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
