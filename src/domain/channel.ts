import { composed } from "../lib/unicode_form.ts";
import { channelWarning, meantInstead } from "./channel_warning.ts";
import { type Bus, here } from "./context.ts";
import { recipientOf } from "./direct_message.ts";
import { PERSON, PERSON_CHANNEL } from "./event.ts";
import { isPersonsName } from "./person.ts";
import { isAlive, type Place, processNumber, type Session } from "./session.ts";

/** The channel of an event, or the refusal to publish it. `recipient`: the living session that gets a direct message. */
export type Resolution =
  | { channel: string; recipient?: Session; warning?: string; person?: true }
  | { refusal: Record<string, unknown> };

/** Finds the channel to store for the one that a publisher named (WIRE.md 2). `session:{x}` becomes the session's id. */
export function resolveChannel(bus: Bus, named: string): Resolution | Promise<Resolution> {
  if (named === "" || named === "all") return { channel: "all" };
  const target = recipientOf(named.startsWith("@") ? `session:${named}` : named);
  return target === null ? warned(bus, composed(named)) : resolveSession(bus, target);
}

/** Finds the channel of a session by its id alone. An id that no session has is resolved like a name. */
export async function resolveId(bus: Bus, id: string): Promise<Resolution> {
  const session = isPersonsName(id) ? undefined : await bus.store.sessions.get(id);
  return session === undefined ? resolveSession(bus, id) : reach(bus, session);
}

async function warned(bus: Bus, channel: string): Promise<Resolution> {
  const warning = await channelWarning(bus, channel);
  return warning === undefined ? { channel } : { channel, warning };
}

// The living come before the dead, and an id before a name.
async function resolveSession(bus: Bus, target: string): Promise<Resolution> {
  if (isPersonsName(target)) return resolvePerson(target);
  const name = composed(target);
  if (name.startsWith("@")) return resolveClaim(bus, name.slice(1));
  const known = await knownAs(bus, target);
  const living = livingOf(bus, known);
  if (living.length > 1) return { refusal: ambiguous(target, living) };
  const holder = await bus.store.sessions.holder(name);
  const [present = isPresent(bus, holder) ? holder : undefined] = living;
  if (present !== undefined) return reach(bus, present);
  const { byId, byDisplayId, byName } = known;
  const former = byId ?? byDisplayId[0];
  if (former?.deleted_at === null) return reach(bus, former);
  if (holder !== undefined) return resolveClaim(bus, name);
  // A client that crashed comes back under its id. Mail for its name waits for it.
  const [gone, ...others] = byName;
  if (gone !== undefined && others.length === 0) return reach(bus, gone);
  if (former !== undefined) return reach(bus, former);
  const meant = await meantInstead(bus, `session:${name}`);
  return {
    channel: `session:${name}`,
    warning: `No session has the id, display_id or name "${target}". The event is stored, but reaches no session.${meant} list_sessions shows the live sessions.`,
  };
}

interface Known {
  /** The session with that id, or that had it before. */
  byId: Session | undefined;
  byDisplayId: readonly Session[];
  /** Those with that name which are not unregistered. */
  byName: readonly Session[];
}

async function knownAs({ store: { sessions } }: Bus, target: string): Promise<Known> {
  const name = composed(target);
  const byId = (await sessions.get(target)) ?? (name === target ? undefined : await sessions.get(name));
  const named = await sessions.namedLike(name);
  return {
    byId,
    byDisplayId: named.filter(({ display_id }) => display_id === name),
    byName: named.filter(({ display_id, deleted_at }) => display_id !== name && deleted_at === null),
  };
}

/** The live sessions that may be meant. A name does not count beside a display id. */
function livingOf(bus: Bus, { byId, byDisplayId, byName }: Known): Session[] {
  const shown = byDisplayId.filter((session) => isPresent(bus, session));
  const called = shown.length > 0 ? shown : byName.filter((session) => isPresent(bus, session));
  const others = called.filter(({ session_id }) => session_id !== byId?.session_id);
  return byId !== undefined && isPresent(bus, byId) ? [byId, ...others] : others;
}

function isPresent(bus: Bus, session: Session | undefined): boolean {
  return session !== undefined && isAlive(session, here(bus));
}

function resolvePerson(target: string): Resolution {
  if (target === PERSON || target === `@${PERSON}`) return { channel: PERSON_CHANNEL, person: true };
  return {
    refusal: {
      error: `"${target}" looks like the name of the user. Nothing was published.`,
      hint: "To write to the user, use @human.",
    },
  };
}

// Mail for a name that nobody holds waits under the name itself.
async function resolveClaim(bus: Bus, name: string): Promise<Resolution> {
  const holder = await bus.store.sessions.holder(name);
  if (holder !== undefined && isAlive(holder, here(bus))) return reach(bus, holder);
  return {
    channel: `session:@${name}`,
    warning: `No live session holds the name @${name}. The event is stored and waits for the next session that claims it.`,
  };
}

async function reach(bus: Bus, session: Session): Promise<Resolution> {
  const channel = `session:${session.session_id}`;
  const why = await goneWords(bus, session);
  return why === undefined ? { channel, recipient: session } : { channel, warning: why };
}

/** Says what becomes of a message to a session that is not here. Undefined for one that is. */
export async function goneWords(bus: Bus, session: Session): Promise<string | undefined> {
  const { display_id, deleted_at, client_id, last_heartbeat } = session;
  const place = here(bus);
  if (isAlive(session, place)) return undefined;
  const gone =
    deleted_at === null
      ? `The session ${display_id} is gone (last seen at ${last_heartbeat}).`
      : `The session ${display_id} was unregistered at ${deleted_at}.`;
  if (deleted_at !== null && client_id === null)
    return `${gone} It had no client_id, so it cannot come back, and the event is stored but will never be delivered. list_sessions shows the live sessions.`;
  const waits =
    deleted_at === null
      ? "The event is stored, but is not delivered until the session comes back."
      : "The event is stored, but is not delivered until the session registers again.";
  const next = client_id === null ? undefined : await successorOf(bus, client_id, place);
  if (next === undefined) return `${gone} ${waits}`;
  return `${gone} Its client goes on as ${next.display_id} (${next.name} on ${next.machine}), which does not get this message, because the same credentials did not register both. The event is stored, but is delivered only if the old session comes back on its own machine. Write to session:${next.display_id} instead.`;
}

/** The living session of a client on another machine. A number may belong to another client. */
async function successorOf(bus: Bus, clientId: string, at: Place): Promise<Session | undefined> {
  if (processNumber(clientId) !== null) return undefined;
  return (await bus.store.sessions.ofClient(clientId)).find((session) => isAlive(session, at));
}

function ambiguous(target: string, candidates: readonly Session[]): Record<string, unknown> {
  return {
    error: `Ambiguous session "${target}": ${candidates.length} live sessions have that name or id. Nothing was published.`,
    candidates: candidates.map(({ session_id, display_id, name, machine, repo }) => ({
      session_id,
      display_id,
      name,
      machine,
      repo,
    })),
    hint: "Publish again to session:{display_id} of the one that you mean.",
  };
}
