import type { ProcessMark } from "../lib/process.ts";
import { ORIGINS } from "./caller.ts";
import { isOf, type Machine } from "./machine.ts";
import type { ActiveWebhooks } from "./outbox.ts";
import { processNumber, SEEN_NOWHERE, type Session } from "./session.ts";
import type { KnownSessions } from "./store.ts";

export interface Registration {
  name: string;
  machine: Machine;
  /** Who sees its process, as `seenProcess` tells. */
  seen_on: string;
  cwd: string;
  repo: string;
  /** Null if it is not known. */
  branch?: string | null;
  client_id: string | null;
  /** The name is only a guess: a session that has one keeps it. */
  guessed?: boolean;
  /** The name is the title that the user gave the session in its client. Only another title than the last one renames it. */
  title?: string | undefined;
  /** Of its event. */
  origin: string;
  /** The client's process. Undefined if it names none. */
  process?: ProcessMark | undefined;
  /** Set by a hook, which tells more later. */
  state?: Session["state"];
}

export type Alive = (session: Session) => boolean;

export interface Situation {
  known: KnownSessions;
  registration: Registration;
  alive: Alive;
  active: ActiveWebhooks;
  /** RFC 3339. */
  at: string;
}

/**
 * The session that a registration goes on with. A client that starts over within its process (`/clear`) has a new
 * client_id and is the same session. The same client_id in two living processes means two sessions.
 */
export function earlierSession({ known, registration, alive }: Situation): Session | undefined {
  const { machine, seen_on, client_id, process } = registration;
  const watcher = seen_on === SEEN_NOWHERE ? undefined : seen_on;
  const same = process === undefined ? undefined : known.findByProcess(machine, process, watcher);
  if (same !== undefined) return same;
  if (client_id === null) return undefined;
  const earlier = known.findByClient(machine, client_id) ?? byOldId(known, machine, client_id);
  if (earlier === undefined) return undefined;
  const runsElsewhere = earlier.process !== null && process !== undefined && alive(earlier);
  return runsElsewhere ? undefined : earlier;
}

// After a client started over, its shell still names the session by its first id.
function byOldId(known: KnownSessions, machine: Machine, id: string): Session | undefined {
  const session = known.find(id);
  return session !== undefined && isOf(session, machine) ? session : undefined;
}

/** The session that this client left on another machine, if the same credentials registered it there. */
export function movedSession(
  { known, registration, alive }: Situation,
  earlier: Session | undefined,
): Session | undefined {
  const { machine, client_id } = registration;
  if (client_id === null) return undefined;
  const other = known.findOfClient(client_id).find((one) => !isOf(one, machine));
  if (other === undefined || alive(other) || !isProven(registration, other)) return undefined;
  const isLater = earlier === undefined || other.last_heartbeat > earlier.last_heartbeat;
  return isLater ? other : undefined;
}

/**
 * True if the same credentials registered the session for the same client. The number of a process may belong to another
 * client, and an unverified caller may be anyone.
 */
function isProven({ origin, client_id }: Registration, session: Session): boolean {
  if (origin === ORIGINS.unverified || processNumber(client_id) !== null) return false;
  return session.origin === origin;
}

/**
 * The client's id, if it leads to this session from here on. Its own session must be gone, and must have been on this machine
 * or of the same credentials.
 */
export function aliasFor(
  { known, alive, registration }: Situation,
  { session_id, client_id }: Session,
): string | null {
  if (client_id === null || client_id === session_id) return null;
  const own = known.find(client_id);
  if (own === undefined) return client_id;
  const isTheirs = isOf(own, registration.machine) || isProven(registration, own);
  return alive(own) || !isTheirs ? null : client_id;
}
