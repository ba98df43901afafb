import { isoTime } from "../lib/iso_time.ts";
import { composed } from "../lib/unicode_form.ts";
import { type Bus, here } from "./context.ts";
import { addressed } from "./delivery_policy.ts";
import type { Lost } from "./direct_message.ts";
import { pickDisplayId } from "./display_id.ts";
import { isOf, type Machine } from "./machine.ts";
import { sessionName } from "./person.ts";
import {
  type Alive,
  aliasFor,
  earlierSession,
  movedSession,
  type Registration,
  type Situation,
} from "./resumption.ts";
import { isAlive, type Session } from "./session.ts";
import type { Draft, KnownSessions, Registered, RegistrationPlan } from "./store.ts";

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
    const { repo, machine: host, machine_id } = session;
    const machine = { name: host, id: machine_id ?? undefined, exact: machine_id !== null };
    const own = { session_id, repo, machine };
    const name = freeName({ known, alive: (other) => isAlive(other, place) }, own, wanted);
    return { session: { ...session, name, title }, wanted, draft: null, alias: null, lost: [], inherits: [] };
  });
}

function plan(situation: Situation): RegistrationPlan {
  const { known, registration } = situation;
  const earlier = earlierSession(situation);
  const moved = movedSession(situation, earlier);
  const before = earlier ?? moved;
  const wanted = before !== undefined && keepsName(registration, before) ? before.name : registration.name;
  const { machine, repo } = registration;
  const name = freeName(situation, { machine, repo, session_id: earlier?.session_id }, wanted);
  const takesOver = moved?.session_id;
  const lost = lostWith([earlier, moved], registration);
  const left = [...(takesOver === undefined ? [] : [takesOver]), ...mailOfClaims(known, [earlier, moved])];
  if (earlier === undefined) {
    const session = newSession(situation, name);
    const draft = announced(situation, session);
    return { session, wanted, draft, alias: null, lost, inherits: left, takesOver };
  }
  const session = revived(situation, earlier, name);
  const alias = aliasFor(situation, session);
  const inherits = alias === null ? left : [...left, alias];
  return { session, wanted, draft: null, alias, lost, inherits, takesOver };
}

/** A client that is killed may not have written what its model has read in this time (ms). */
const UNWRITTEN_MS = 30_000;

/** Since when the client of these sessions may have taken along what it was shown, if another process registers now. */
function lostWith(sessions: readonly (Session | undefined)[], { process }: Registration): Lost[] {
  return sessions.flatMap((session) => {
    const before = session?.process ?? null;
    if (session === undefined || before === null || process === undefined || session.read_until === null)
      return [];
    const isSame = before.pid === process.pid && before.started === process.started;
    const { session_id: sessionId, read_until: from } = session;
    const shownFrom = isoTime(Math.max(0, from - UNWRITTEN_MS));
    return isSame ? [] : [{ sessionId, from: isoTime(from), shownFrom }];
  });
}

/** The mail for the claims of sessions that were gone, because nobody held their names meanwhile. */
function mailOfClaims(known: KnownSessions, sessions: readonly (Session | undefined)[]): string[] {
  const names = sessions.flatMap((session) =>
    session === undefined ? [] : known.namesOf(session.session_id),
  );
  return names.map((claimed) => `@${claimed}`);
}

/** True if no name is stated, or only a title that was told before and is not the source of the name. */
function keepsName({ guessed = false, title }: Registration, { name, title: last }: Session): boolean {
  const isUnchanged = title !== undefined && title === last;
  return guessed || (isUnchanged && name.replace(/-\d+$/, "") !== title);
}

function revived({ registration, alive, at }: Situation, earlier: Session, name: string): Session {
  const { machine, cwd, repo, client_id, process, state = null, branch = null, title, origin } = registration;
  // A command in the client's shell registers without a process. The client still runs.
  const stays = process === undefined && alive({ ...earlier, deleted_at: null, last_heartbeat: at });
  const now = state ?? (stays ? earlier.state : null);
  return {
    ...earlier,
    ...{ name, cwd, repo, client_id, branch, origin },
    machine: machine.name,
    // An id that the client stated is the machine's. Any other is only the bus's guess.
    machine_id: (machine.exact ? machine.id : (earlier.machine_id ?? machine.id)) ?? null,
    title: title ?? earlier.title,
    process: stays ? earlier.process : (process ?? null),
    seen_on: stays ? earlier.seen_on : registration.seen_on,
    state: now,
    state_since: now === earlier.state ? earlier.state_since : at,
    lease_until: stays ? earlier.lease_until : null,
    rung: stays ? earlier.rung : null,
    rung_until: stays ? earlier.rung_until : 0,
    last_heartbeat: at,
    deleted_at: null,
  };
}

function newSession({ known, registration, at }: Situation, name: string): Session {
  const {
    machine,
    seen_on,
    cwd,
    repo,
    client_id,
    process = null,
    state = null,
    branch = null,
  } = registration;
  const isFree = client_id !== null && !isKnown(known, client_id);
  return {
    ...{ name, cwd, repo, client_id, process, seen_on, state, branch, origin: registration.origin },
    machine: machine.name,
    machine_id: machine.id ?? null,
    session_id: isFree ? client_id : crypto.randomUUID(),
    display_id: pickDisplayId((displayId) => isKnown(known, displayId)),
    registered_at: at,
    last_heartbeat: at,
    cursor: null,
    deleted_at: null,
    lease_until: null,
    read_until: null,
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
  { session_id: own, machine, repo }: { session_id: string | undefined; machine: Machine; repo: string },
  name: string,
): string {
  const isTaken = (candidate: string) =>
    known
      .findNamed(candidate)
      .some(
        (other) =>
          other.session_id !== own &&
          other.name === candidate &&
          (other.machine === machine.name || isOf(other, machine)) &&
          other.repo === repo &&
          alive(other),
      );
  let free = name;
  for (let number = 2; isTaken(free); number++) free = `${name}-${number}`;
  return free;
}
