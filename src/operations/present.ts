import type { Call } from "../domain/call.ts";
import { type Bus, BusError, here } from "../domain/context.ts";
import { ANONYMOUS } from "../domain/event.ts";
import { limitNote } from "../domain/limits.ts";
import type { Machine } from "../domain/machine.ts";
import { deletedFields, isAlive, LEASE_MS, type Session } from "../domain/session.ts";
import type { Json } from "../lib/json.ts";

/** Live sessions, most recently active first. */
export async function liveSessions(bus: Bus): Promise<Session[]> {
  const at = here(bus);
  const present = await bus.store.sessions.present(new Date(at.now - LEASE_MS).toISOString());
  return present.filter((session) => isAlive(session, at));
}

/** Number of live sessions. */
export async function countLive(bus: Bus): Promise<number> {
  return (await liveSessions(bus)).length;
}

/**
 * Passes while there is room for a further session, and for a client that is known.
 * @throws BusError when the limit of live sessions is reached.
 */
export async function expectRoom(bus: Bus, machine: Machine, clientId: string | null): Promise<void> {
  const count = await countLive(bus);
  if (count < bus.limits.sessions) return;
  if (clientId !== null && (await bus.store.sessions.byClient(machine, clientId)) !== undefined) return;
  throw new BusError(
    "invalid",
    `There are already ${count} live sessions${limitNote("sessions")}. Unregister some with unregister_session.`,
  );
}

/** The fields that an answer adds about a session that was unregistered. */
export function deletedNote(session: Session | undefined): Json {
  return session === undefined || session.deleted_at === null ? {} : { ...deletedFields(session) };
}

/** Warns an agent that does not say who it is. Commands may stay anonymous. */
export function anonymousWarning(sender: string, { agent = false }: Call): string | undefined {
  if (sender !== ANONYMOUS || !agent) return undefined;
  return "You are anonymous, so an answer reaches you only while you wait for it. Pass your session_id, or get one with register_session.";
}

/** The same as a field of an answer. */
export function anonymousNote(sender: string, call: Call): Json {
  const warning = anonymousWarning(sender, call);
  return warning === undefined ? {} : { warning };
}

const TOUCH_MS = 1_000;

/** Saves the time of a session's activity, at most once a second, without waiting for it. */
export function touch(bus: Bus, session: Session | undefined): void {
  if (session === undefined || session.deleted_at !== null) return;
  if (Math.abs(bus.now() - Date.parse(session.last_heartbeat)) < TOUCH_MS) return;
  bus.store.sessions.touch(session.session_id).catch((error) => {
    // The log and /health already say why the store cannot write.
    if (!(error instanceof BusError)) bus.warn(`could not save a heartbeat: ${error}`);
  });
}
