import type { Bus } from "../bus/bus.ts";
import { here } from "../bus/bus.ts";
import type { Session } from "../bus/session.ts";
import { isAlive, LEASE_MS } from "../bus/session.ts";

/** Live sessions, most recently active first. */
export async function liveSessions(bus: Bus): Promise<Session[]> {
  const at = here(bus);
  const present = await bus.store.sessions.present(new Date(at.now - LEASE_MS).toISOString());
  return present.filter((session) => isAlive(session, at));
}

const TOUCH_MS = 1_000;

/** Records that a session was heard of, at most once a second; the caller does not wait for it. */
export function touch(bus: Bus, session: Session | undefined): void {
  if (session === undefined || session.deleted_at !== null) return;
  if (Math.abs(bus.now() - Date.parse(session.last_heartbeat)) < TOUCH_MS) return;
  bus.store.sessions.touch(session.session_id).catch((error) => bus.warn(`heartbeat not saved: ${error}`));
}
