import type { Call } from "../domain/call.ts";
import { type Caller, ORIGINS } from "../domain/caller.ts";
import { type Bus, here } from "../domain/context.ts";
import { ANONYMOUS, type EventDraft } from "../domain/event.ts";
import { isPersonsName, PERSON, reservedProblem } from "../domain/person.ts";
import { isAlive, LEASE_MS, processOf, type Session } from "../domain/session.ts";
import type { Json } from "../lib/json.ts";

/** Who publishes: a session, the person, or nobody in particular. */
export interface Sender {
  session: Session | undefined;
  /** The fields of the events. */
  signed: Pick<EventDraft, "session_id" | "origin">;
}

/** Finds the sender of a call's events. A call that names no session is the person's if the bus can prove it. */
export async function senderOf(
  bus: Bus,
  sessionId: string | undefined,
  { caller }: Call,
): Promise<Sender | { refusal: Json }> {
  if (!sessionId) {
    const signed = (await isPerson(bus, caller))
      ? { session_id: PERSON, origin: ORIGINS.person }
      : { session_id: ANONYMOUS, origin: caller.origin };
    return { session: undefined, signed };
  }
  if (isPersonsName(sessionId))
    return {
      refusal: { error: `Nothing was published. ${reservedProblem(sessionId)}`, session_id: sessionId },
    };
  const session = await bus.store.sessions.get(sessionId);
  return { session, signed: { session_id: session?.session_id ?? sessionId, origin: caller.origin } };
}

/** True if a call comes from the person: a command in a terminal that no registered agent started. */
export async function isPerson(bus: Bus, { terminal }: Caller): Promise<boolean> {
  if (terminal === undefined) return false;
  const at = here(bus);
  const present = await bus.store.sessions.present(new Date(at.now - LEASE_MS).toISOString());
  return !present.some((session) => {
    const pid = session.machine === at.host ? processOf(session) : null;
    return pid !== null && terminal.includes(pid) && isAlive(session, at);
  });
}
