import type { ProcessMark } from "../lib/process.ts";
import { composed } from "../lib/unicode_form.ts";
import { type Bus, here } from "./context.ts";
import { addressed } from "./delivery_policy.ts";
import { pickDisplayId } from "./display_id.ts";
import type { ActiveWebhooks } from "./outbox.ts";
import { sessionName } from "./person.ts";
import { isAlive, type Session } from "./session.ts";
import type { Draft, KnownSessions, Registered, RegistrationPlan } from "./store.ts";

export interface Registration {
  name: string;
  machine: string;
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

type Alive = (session: Session) => boolean;

/**
 * Revives the session of (machine, client_id), or of the same process under another client_id, or makes a new one with its
 * event and saved cursor.
 */
export async function register(bus: Bus, stated: Registration): Promise<Registered> {
  const registration = { ...stated, name: composed(stated.name), repo: composed(stated.repo) };
  if (stated.title !== undefined) registration.title = composed(stated.title);
  const place = here(bus);
  const alive: Alive = (session) => isAlive(session, place);
  for (;;) {
    const active = await bus.store.webhooks.active();
    const registered = await bus.store.register((known, at) =>
      plan({ known, registration, alive, active, at }),
    );
    if (registered !== null) return registered;
  }
}

/** Gives a name to a session for good, unless another session that is alive holds it: that one is returned. */
export async function claimName(bus: Bus, wanted: string, sessionId: string): Promise<Session | undefined> {
  const place = here(bus);
  const name = composed(wanted);
  for (;;) {
    const holder = await bus.store.sessions.holder(name);
    if (holder !== undefined && holder.session_id !== sessionId && isAlive(holder, place)) return holder;
    if (await bus.store.sessions.claim(name, sessionId, holder?.session_id)) return undefined;
  }
}

/** Gives a session the title that its client told, and the name of it. Null if the client told that title before. */
export async function retitle(bus: Bus, { session_id }: Session, told: string): Promise<Registered | null> {
  const place = here(bus);
  const title = composed(told);
  return bus.store.register((known) => {
    const session = known.find(session_id);
    if (session === undefined || session.deleted_at !== null || session.title === title) return null;
    const wanted = sessionName(title);
    const name = freeName({ known, alive: (other) => isAlive(other, place) }, session, wanted);
    return { session: { ...session, name, title }, wanted, draft: null, alias: null, inherits: [] };
  });
}

interface Situation {
  known: KnownSessions;
  registration: Registration;
  alive: Alive;
  active: ActiveWebhooks;
  /** RFC 3339. */
  at: string;
}

function plan(situation: Situation): RegistrationPlan {
  const { known, registration } = situation;
  const earlier = earlierSession(situation);
  const wanted = earlier !== undefined && keepsName(registration, earlier) ? earlier.name : registration.name;
  const name = freeName(situation, { ...registration, session_id: earlier?.session_id }, wanted);
  if (earlier === undefined) {
    const session = newSession(situation, name);
    return { session, wanted, draft: announced(situation, session), alias: null, inherits: [] };
  }
  const session = revived(situation, earlier, name);
  const alias = aliasFor(situation, session);
  // While it was gone, nobody held its names.
  const names = known.namesOf(session.session_id).map((claimed) => `@${claimed}`);
  return { session, wanted, draft: null, alias, inherits: alias === null ? names : [...names, alias] };
}

/** True if no name is stated, or only a title that was told before and is not the source of the name. */
function keepsName({ guessed = false, title }: Registration, { name, title: last }: Session): boolean {
  const isUnchanged = title !== undefined && title === last;
  return guessed || (isUnchanged && name.replace(/-\d+$/, "") !== title);
}

/**
 * The session that a registration goes on with. A client that starts over within its process (`/clear`) has a new
 * client_id and is the same session. The same client_id in two living processes means two sessions.
 */
function earlierSession({ known, registration, alive }: Situation): Session | undefined {
  const { machine, client_id, process } = registration;
  const same = process === undefined ? undefined : known.findByProcess(machine, process);
  if (same !== undefined) return same;
  if (client_id === null) return undefined;
  const earlier = known.findByClient(machine, client_id) ?? byOldId(known, machine, client_id);
  if (earlier === undefined) return undefined;
  const runsElsewhere = earlier.process !== null && process !== undefined && alive(earlier);
  return runsElsewhere ? undefined : earlier;
}

// After a client started over, its shell still names the session by its first id.
function byOldId(known: KnownSessions, machine: string, id: string): Session | undefined {
  const session = known.find(id);
  return session?.machine === machine ? session : undefined;
}

function revived({ registration, alive, at }: Situation, earlier: Session, name: string): Session {
  const { machine, cwd, repo, client_id, process, state = null, branch = null, title } = registration;
  // A command in the client's shell registers without a process. The client still runs.
  const stays = process === undefined && alive({ ...earlier, deleted_at: null, last_heartbeat: at });
  const now = state ?? (stays ? earlier.state : null);
  return {
    ...earlier,
    ...{ name, machine, cwd, repo, client_id, branch },
    title: title ?? earlier.title,
    process: stays ? earlier.process : (process ?? null),
    state: now,
    state_since: now === earlier.state ? earlier.state_since : at,
    lease_until: stays ? earlier.lease_until : null,
    rung: stays ? earlier.rung : null,
    rung_until: stays ? earlier.rung_until : 0,
    last_heartbeat: at,
    deleted_at: null,
  };
}

/** The client's id, if it leads to this session from here on: its own session is gone, or on another machine. */
function aliasFor({ known, alive }: Situation, { session_id, client_id }: Session): string | null {
  if (client_id === null || client_id === session_id) return null;
  const own = known.find(client_id);
  return own !== undefined && alive(own) ? null : client_id;
}

function newSession({ known, registration, at }: Situation, name: string): Session {
  const { machine, cwd, repo, client_id, process = null, state = null, branch = null } = registration;
  const isFree = client_id !== null && !isKnown(known, client_id);
  return {
    ...{ name, machine, cwd, repo, client_id, process, state, branch },
    session_id: isFree ? client_id : crypto.randomUUID(),
    display_id: pickDisplayId((displayId) => isKnown(known, displayId)),
    registered_at: at,
    last_heartbeat: at,
    cursor: null,
    deleted_at: null,
    lease_until: null,
    ...{
      title: registration.title ?? null,
      wake: null,
      muted_until: 0,
      worked_at: 0,
      last_words: null,
      state_since: state === null ? null : at,
      rung: null,
      rung_until: 0,
    },
  };
}

/** True if a session has, or had, this id. A display id is one too, so that it always finds its own session. */
function isKnown(known: KnownSessions, id: string): boolean {
  return known.find(id) !== undefined || known.hasAlias(id) || known.hasDisplayId(id);
}

function announced({ registration, active }: Situation, session: Session): Draft {
  const { session_id, name, machine, cwd } = session;
  const event = {
    event_type: "session_registered",
    payload: `${name} started on ${machine} in ${cwd || "an unknown folder"}`,
    session_id,
    channel: "all",
    origin: registration.origin,
  };
  return addressed(event, active);
}

/** The name, or with the first number that no other living session of that machine and repository has. */
function freeName(
  { known, alive }: Pick<Situation, "known" | "alive">,
  { session_id: own, machine, repo }: Pick<Session, "machine" | "repo"> & { session_id: string | undefined },
  name: string,
): string {
  const isTaken = (candidate: string) =>
    known
      .findNamed(candidate)
      .some(
        (other) =>
          other.session_id !== own &&
          other.name === candidate &&
          other.machine === machine &&
          other.repo === repo &&
          alive(other),
      );
  let free = name;
  for (let number = 2; isTaken(free); number++) free = `${name}-${number}`;
  return free;
}
