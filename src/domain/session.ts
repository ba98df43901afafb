import type { ProcessMark } from "../lib/process.ts";
import { composed } from "../lib/unicode_form.ts";
import type { WakeSetting } from "./attention.ts";

/** A registered session. Rows are never removed: `deleted_at` marks an unregistered one. */
export interface Session {
  session_id: string;
  display_id: string;
  name: string;
  /** The machine's name, for people. */
  machine: string;
  /** The machine's stable id. Null for a client that states only the name. */
  machine_id: string | null;
  cwd: string;
  repo: string;
  /** The branch that its client works on. Null if that is not known. */
  branch: string | null;
  client_id: string | null;
  registered_at: string;
  last_heartbeat: string;
  /** The saved cursor as an event id. Null if it was never saved. */
  cursor: number | null;
  deleted_at: string | null;
  /** The client's process. Null if it named none. */
  process: ProcessMark | null;
  /** The machine whose bus saw the client's process at registration, or `SEEN_NOWHERE`. Null in rows of earlier releases. */
  seen_on: string | null;
  /** Origin of its last registration. Null in rows of earlier releases. */
  origin: string | null;
  /** The last report of its hooks: at work, or waiting for the user. Null if it has no hooks. */
  state: "busy" | "idle" | null;
  /** End of the lease that its hooks renew, for a session whose process this bus does not see. */
  lease_until: string | null;
  /** Null for the bus's setting. */
  wake: WakeSetting | null;
  /** Nothing is pushed to it before (ms since 1970). 0 if it is not muted. */
  muted_until: number;
  /** The title that its client last gave it. Null if it gave none. */
  title: string | null;
  /** Its last prompt, or use of a tool that is not the bus's (ms since 1970). 0 if there was none. */
  worked_at: number;
  /** The start of the agent's last answer, in one line. Untrusted. Null if its hooks did not tell. */
  last_words: string | null;
  /** Since when it is in its state, RFC 3339. Null if that is not known. */
  state_since: string | null;
  /** `mod` once a mod in its client has called, which carries the session until `rung_until`. */
  rung: "mod" | null;
  /** End of the mod's lease (ms since 1970). 0 without one. */
  rung_until: number;
  /** Its model has read what it was shown before (ms since 1970). Null if no hook has told. */
  read_until: number | null;
}

/** No bus sees the process of such a session: it runs on another machine, or in another PID namespace. */
export const SEEN_NOWHERE = "";

/** Longest lease that a hook gets: a session at work (ms). */
export const LONGEST_LEASE_MS = 30 * 60 * 1000;

export const LEASE_MS = 24 * 60 * 60 * 1000;

/** The facts that decide which sessions are alive. */
export interface Place {
  now: number;
  /** The name of this machine. */
  host: string;
  /** The stable id of this machine. Undefined if it has none. */
  machineId: string | undefined;
  processExists(pid: number): boolean;
  /** Start time of a process of this machine. Null if there is no such process. */
  processStart(pid: number): string | null;
  /** True while a call waits for the session. */
  isHeld(sessionId: string): boolean;
}

/**
 * True if this bus sees the process that a session runs in. Rows of earlier releases do not tell, so their machine decides.
 */
export function sees(here: Pick<Place, "host" | "machineId">, session: Session): boolean {
  const { machine, machine_id, seen_on } = session;
  if (seen_on !== null) return seen_on === (here.machineId ?? here.host);
  return machine_id === null ? machine === here.host : machine_id === here.machineId;
}

/**
 * True if a session counts as present (WIRE.md 2). A named process that this bus sees decides alone, however long the machine
 * slept. Any other session is present while a call waits for it, or for 24 h after it was last heard of. A heartbeat in the
 * future counts as now. A session with a lease is gone when the lease ends.
 */
export function isAlive(session: Session, here: Place): boolean {
  if (session.deleted_at !== null) return false;
  const isSeen = sees(here, session);
  if (session.process !== null && isSeen)
    return here.processStart(session.process.pid) === session.process.started;
  if (here.isHeld(session.session_id)) return true;
  if (here.now - Date.parse(session.last_heartbeat) >= LEASE_MS) return false;
  if (session.lease_until !== null && here.now >= Date.parse(session.lease_until)) return false;
  const pid = isSeen ? processOf(session) : null;
  return pid === null || here.processExists(pid);
}

/** The number of a session's process: as its client named it, or its client_id if that is a number. */
export function processOf({ process, client_id }: Session): number | null {
  return process === null ? processNumber(client_id) : process.pid;
}

/** A client_id that can be the number of a process, as that number. */
export function processNumber(client_id: string | null): number | null {
  return client_id !== null && /^[1-9]\d{0,9}$/.test(client_id) ? Number(client_id) : null;
}

/** The channels that a session shares with others. */
export function sharedChannels({ repo, machine }: Session): readonly [string, string, string] {
  return ["all", composed(`repo:${repo}`), composed(`machine:${machine}`)];
}

export function subscribedChannels(session: Session): string[] {
  const [all, ...others] = sharedChannels(session);
  return [all, `session:${session.session_id}`, ...others];
}

/** The fields that every answer about an unregistered session carries (WIRE.md 6). */
export function deletedFields(session: Session, hint?: string) {
  const revive =
    session.client_id === null
      ? "Call register_session to get a new session_id and use that one."
      : `Call register_session with client_id "${session.client_id}" on machine "${session.machine}" to revive it with its cursor.`;
  return {
    session_deleted: true as const,
    session_id: session.session_id,
    display_id: session.display_id,
    deleted_at: session.deleted_at ?? "",
    hint: hint ?? revive,
  };
}

export function deletedRefusal(session: Session, hint?: string) {
  return { error: "Session deleted", ...deletedFields(session, hint) };
}

export function notFound(session_id: string) {
  return { error: "Session not found", session_id };
}
