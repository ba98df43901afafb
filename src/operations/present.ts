import type { Bus } from "../domain/context.ts";
import { BusError, here } from "../domain/context.ts";
import { limitNote } from "../domain/limits.ts";
import type { Session } from "../domain/session.ts";
import { isAlive, LEASE_MS } from "../domain/session.ts";

/** Live sessions, most recently active first. */
export async function liveSessions(bus: Bus): Promise<Session[]> {
  const at = here(bus);
  const present = await bus.store.sessions.present(new Date(at.now - LEASE_MS).toISOString());
  return present.filter((session) => isAlive(session, at));
}

/** How many sessions are here. */
export async function countLive(bus: Bus): Promise<number> {
  return (await liveSessions(bus)).length;
}

/** Throws BusError when so many sessions are here that no further one may come; one that is known may come back. */
export async function expectRoom(bus: Bus, machine: string, clientId: string | null): Promise<void> {
  const count = await countLive(bus);
  if (count < bus.limits.sessions) return;
  if (clientId !== null && (await bus.store.sessions.byClient(machine, clientId)) !== undefined) return;
  throw new BusError(
    "invalid",
    `${count} sessions are here already${limitNote("sessions")}; unregister some that are not needed (unregister_session).`,
  );
}

const TOUCH_MS = 1_000;

/** Records that a session was heard of, at most once a second; the caller does not wait for it. */
export function touch(bus: Bus, session: Session | undefined): void {
  if (session === undefined || session.deleted_at !== null) return;
  if (Math.abs(bus.now() - Date.parse(session.last_heartbeat)) < TOUCH_MS) return;
  bus.store.sessions.touch(session.session_id).catch((error) => {
    // What keeps the store from writing is in the log and in /health already.
    if (!(error instanceof BusError)) bus.warn(`heartbeat not saved: ${error}`);
  });
}
