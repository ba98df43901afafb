import type { Bus } from "./context.ts";
import { ownMachine, watcherId } from "./machine.ts";
import { isAlive, LEASE_MS, type Place, processOf, type Session, sees } from "./session.ts";

/**
 * The session whose client is one of these processes of this machine. A session that ended counts too while the process that
 * it named runs, because an agent may end its own session.
 */
export async function sessionBehind(
  { store }: Bus,
  line: readonly number[],
  at: Place,
): Promise<Session | undefined> {
  const own = ownMachine(at);
  for (const pid of line) {
    const started = at.processStart(pid);
    const named = started !== null && (await store.sessions.byProcess(own, { pid, started }, watcherId(at)));
    if (named) return named;
  }
  const present = await store.sessions.present(new Date(at.now - LEASE_MS).toISOString());
  return present.find((session) => {
    const pid = sees(at, session) ? processOf(session) : null;
    return pid !== null && line.includes(pid) && isAlive(session, at);
  });
}
