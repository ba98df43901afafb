import type { Bus } from "./context.ts";
import { isAlive, LEASE_MS, type Place, processOf, type Session } from "./session.ts";

/**
 * The session whose client is one of these processes of this machine. A session that ended counts too while the process that
 * it named runs, because an agent may end its own session.
 */
export async function sessionBehind(
  { store }: Bus,
  line: readonly number[],
  at: Place,
): Promise<Session | undefined> {
  for (const pid of line) {
    const started = at.processStart(pid);
    const named = started !== null && (await store.sessions.byProcess(at.host, { pid, started }));
    if (named) return named;
  }
  const present = await store.sessions.present(new Date(at.now - LEASE_MS).toISOString());
  return present.find((session) => {
    const pid = session.machine === at.host ? processOf(session) : null;
    return pid !== null && line.includes(pid) && isAlive(session, at);
  });
}
