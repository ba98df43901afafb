import { pickDisplayId } from "../domain/display_id.ts";
import type { Event } from "../domain/event.ts";
import type { Session } from "../domain/session.ts";
import type { ProcessMark } from "../lib/process.ts";
import type { SessionParts, SessionRows } from "./sessions.ts";

export interface Registration {
  name: string;
  machine: string;
  cwd: string;
  repo: string;
  client_id: string | null;
  /** The name is only a guess: a session that has one keeps it. */
  guessed?: boolean;
  /** Of its event. */
  origin: string;
  /** The client's process; undefined when it names none. */
  process?: ProcessMark | undefined;
  /** It comes from a hook, which tells more later. */
  state?: Session["state"];
}

export interface Registered {
  session: Session;
  /** The name it has if no other session does. */
  wanted: string;
  /** The session_registered event of a new session; null when it was resumed. */
  event: Event | null;
}

/** The whole registration as one write unit. */
export function register(
  parts: SessionParts,
  { origin, process, state = null, guessed = false, ...registration }: Registration,
  alive: (session: Session) => boolean,
  at: string,
): Registered {
  const { rows, events, claims } = parts;
  const known = knownAs(rows, registration, process, alive);
  const wanted = guessed && known !== undefined ? known.name : registration.name;
  const name = freeName(rows, { ...registration, name: wanted }, known?.session_id, alive);
  if (known !== undefined) {
    // Whoever registers again without naming its process, like a command of its shell, is still in it.
    const stays = process === undefined && alive({ ...known, deleted_at: null, last_heartbeat: at });
    const now = {
      process: stays ? known.process : (process ?? null),
      state: state ?? (stays ? known.state : null),
      lease_until: stays ? known.lease_until : null,
      last_heartbeat: at,
      deleted_at: null,
    };
    const session: Session = { ...known, ...registration, name, ...now };
    rows.revive(session);
    takeMail(parts, session, alive);
    return { session, wanted, event: null };
  }
  const stated = newSession(rows, claims.aliasOf, { ...registration, name }, at);
  const session = { ...stated, process: process ?? null, state };
  rows.insert(session);
  const event = events.insert(
    {
      event_type: "session_registered",
      payload: `${session.name} started on ${session.machine} in ${session.cwd || "an unknown folder"}`,
      session_id: session.session_id,
      channel: "all",
      origin,
    },
    at,
  );
  rows.saveCursor(session.session_id, event.id);
  return { session: { ...session, cursor: event.id }, wanted, event };
}

/** What was sent to it while it was gone or had another id is its own. */
function takeMail(
  { rows, claims, mail }: SessionParts,
  { session_id, client_id }: Session,
  alive: (session: Session) => boolean,
): void {
  // While it was gone, nobody held its names.
  for (const claimed of claims.of(session_id)) mail.forward(`@${claimed}`, session_id);
  claims.dropAlias(session_id);
  if (client_id === null || client_id === session_id) return;
  // A process that goes on with another conversation: that one's session goes on here, unless it lives elsewhere.
  const earlier = rows.get(client_id);
  if (earlier !== undefined && alive(earlier)) return;
  claims.addAlias(client_id, session_id);
  mail.forward(client_id, session_id);
}

type Stated = Omit<Registration, "origin" | "process" | "state" | "guessed">;

/**
 * The session that a registration goes on with. A client that starts over within its process (`/clear`) has a new
 * client_id and is the same person's session; the same client_id in two living processes is two sessions.
 */
function knownAs(
  rows: SessionRows,
  { machine, client_id }: Stated,
  process: ProcessMark | undefined,
  alive: (session: Session) => boolean,
): Session | undefined {
  const same = process === undefined ? undefined : rows.byProcess(machine, process);
  if (same !== undefined) return same;
  const known =
    client_id === null ? undefined : (rows.byClient(machine, client_id) ?? byId(rows, machine, client_id));
  const elsewhere = known?.process !== null && process !== undefined && known !== undefined && alive(known);
  return elsewhere ? undefined : known;
}

// After a client started over, its shell still names the session by the id that it has had from the start.
function byId(rows: SessionRows, machine: string, id: string): Session | undefined {
  const session = rows.get(id);
  return session?.machine === machine ? session : undefined;
}

function newSession(
  rows: SessionRows,
  aliasOf: (id: string) => string | undefined,
  registration: Stated,
  at: string,
): Session {
  const { client_id } = registration;
  const free = client_id !== null && rows.get(client_id) === undefined && aliasOf(client_id) === undefined;
  return {
    ...registration,
    session_id: free ? client_id : crypto.randomUUID(),
    display_id: pickDisplayId(rows.displayIdExists),
    registered_at: at,
    last_heartbeat: at,
    cursor: null,
    deleted_at: null,
    process: null,
    state: null,
    lease_until: null,
  };
}

/** The name, or with the first number that no other living session of that machine and repository has. */
function freeName(
  rows: SessionRows,
  { name, machine, repo }: Stated,
  own: string | undefined,
  alive: (session: Session) => boolean,
): string {
  const taken = (candidate: string) =>
    rows
      .namedLike(candidate)
      .some(
        (other) =>
          other.session_id !== own &&
          other.name === candidate &&
          other.machine === machine &&
          other.repo === repo &&
          alive(other),
      );
  let free = name;
  for (let number = 2; taken(free); number++) free = `${name}-${number}`;
  return free;
}
