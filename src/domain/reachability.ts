import { restraintOf, type Spent } from "./attention.ts";
import type { Resolution } from "./channel.ts";
import type { Bus } from "./context.ts";
import { here } from "./context.ts";
import { attentionOf } from "./inbox.ts";
import type { Reach } from "./reach.ts";
import type { Session } from "./session.ts";
import { isAlive } from "./session.ts";

/** Tells how a direct message reaches its recipient. Undefined if it reaches nobody. `sender`: whose wakes count. */
export function reachOfMail(
  bus: Bus,
  { recipient, person }: Exclude<Resolution, { refusal: unknown }>,
  sender: string,
): Promise<Reach> | Reach | undefined {
  if (person) return "waiting_for_person";
  return recipient && reachOf(bus, recipient, sender);
}

/** Tells how a direct message reaches a session. `sender`: whose wakes count. */
export async function reachOf(bus: Bus, session: Session, sender = ""): Promise<Reach> {
  const reach = reachBeforeBudget(bus, session);
  if (reach !== "budgeted") return reach;
  return reachWithin(await bus.store.pushes.spent(session.session_id, sender));
}

/** The same for several sessions, and for any sender. */
export async function reachesOf(bus: Bus, sessions: readonly Session[]): Promise<Reach[]> {
  const reaches = sessions.map((session) => reachBeforeBudget(bus, session));
  const wakes = reaches.includes("budgeted") ? await bus.store.pushes.wakes() : undefined;
  return reaches.map((reach, i) => {
    if (reach !== "budgeted") return reach;
    const { session_id } = sessions[i] as Session;
    return reachWithin({ wakes: wakes?.get(session_id) ?? 0, bySender: 0, exchanges: 0 });
  });
}

/** `budgeted`: the session is woken, unless it was woken too often. */
function reachBeforeBudget(bus: Bus, session: Session): Reach | "budgeted" {
  if (!isAlive(session, here(bus))) return "not_here";
  if (session.muted_until > bus.now()) return "muted";
  if (bus.dialogs.of(session.session_id)?.certain === true) return "waiting_for_person";
  const waits = bus.subscriptions.has(session.session_id);
  if (session.state === null) return waits ? "wakes" : "polls_only";
  if (session.state === "busy" && !waits) return "next_tool";
  return !waits || attentionOf(bus, session).wake === "off" ? "next_prompt" : "budgeted";
}

function reachWithin(spent: Spent): Reach {
  return restraintOf(spent) === null ? "wakes" : "over_budget";
}
