import type { ProcessMark } from "../lib/process.ts";

/** A registered session. Rows are never removed: `deleted_at` marks an unregistered one. */
export interface Session {
  session_id: string;
  display_id: string;
  name: string;
  machine: string;
  cwd: string;
  repo: string;
  client_id: string | null;
  registered_at: string;
  last_heartbeat: string;
  /** The saved cursor as an event id; null when none was ever saved. */
  cursor: number | null;
  deleted_at: string | null;
  /** The client's process, when it named one. */
  process: ProcessMark | null;
  /** What its hooks last told: at work, or waiting for its person; null when it has no hooks. */
  state: "busy" | "idle" | null;
  /** Until when it counts as present without being heard of, for a session of another machine whose hooks renew it. */
  lease_until: string | null;
}

export const LEASE_MS = 24 * 60 * 60 * 1000;

/** What tells who is here at a moment, on this machine. */
export interface Place {
  now: number;
  host: string;
  processExists(pid: number): boolean;
  /** When a process of this machine started; null when there is none. */
  processStart(pid: number): string | null;
  /** True while a call waits for the session. */
  isHeld(sessionId: string): boolean;
}

/** As much of a session as tells whether it is here. */
export type Presence = Pick<
  Session,
  "session_id" | "deleted_at" | "last_heartbeat" | "machine" | "client_id" | "process" | "lease_until"
>;

/**
 * True if a session counts as present (WIRE.md 2). A named process of this host decides alone, however long the machine
 * slept. Any other session is present while a call waits for it, or for 24 h after its last sign of life. A session
 * elsewhere whose hooks renew a lease is gone when the lease ends.
 */
export function isAlive(session: Presence, here: Place): boolean {
  if (session.deleted_at !== null) return false;
  if (session.process !== null && session.machine === here.host)
    return here.processStart(session.process.pid) === session.process.started;
  if (here.isHeld(session.session_id)) return true;
  if (here.now - Date.parse(session.last_heartbeat) >= LEASE_MS) return false;
  if (session.lease_until !== null && here.now >= Date.parse(session.lease_until)) return false;
  const pid = session.machine === here.host ? processNumber(session.client_id) : null;
  return pid === null || here.processExists(pid);
}

function processNumber(clientId: string | null): number | null {
  return clientId !== null && /^[1-9]\d{0,9}$/.test(clientId) ? Number(clientId) : null;
}

export function subscribedChannels(session: Session): string[] {
  return ["all", `session:${session.session_id}`, `repo:${session.repo}`, `machine:${session.machine}`];
}

type Deleted = {
  session_deleted: true;
  session_id: string;
  display_id: string;
  deleted_at: string;
  hint: string;
};

/** The fields that every answer about an unregistered session carries (WIRE.md 6). */
export function deletedFields(session: Session, hint?: string): Deleted {
  const revive =
    session.client_id === null
      ? "Call register_session to get a new session_id and use that one."
      : `Call register_session with client_id "${session.client_id}" on machine "${session.machine}" to revive it with its cursor.`;
  return {
    session_deleted: true,
    session_id: session.session_id,
    display_id: session.display_id,
    deleted_at: session.deleted_at ?? "",
    hint: hint ?? revive,
  };
}

export function deletedRefusal(session: Session, hint?: string): { error: string } & Deleted {
  return { error: "Session deleted", ...deletedFields(session, hint) };
}

export function notFound(session_id: string): { error: string; session_id: string } {
  return { error: "Session not found", session_id };
}
