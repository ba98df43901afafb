import { type Bus, here } from "./context.ts";
import { PERSON, PERSON_CHANNEL } from "./event.ts";
import { isPersonsName } from "./person.ts";
import { isAlive, type Place, processNumber, type Session } from "./session.ts";

/** The channel of an event, or the refusal to publish it. `recipient`: the living session that gets a direct message. */
export type Resolution =
  | { channel: string; recipient?: Session; warning?: string; person?: true }
  | { refusal: Record<string, unknown> };

const LISTED_KINDS = ["session", "repo", "machine"];

/** Finds the channel to store for the one that a publisher named (WIRE.md 2). `session:{x}` becomes the session's id. */
export function resolveChannel(bus: Bus, named: string): Resolution | Promise<Resolution> {
  const channel = named === "" ? "all" : named.startsWith("@") ? `session:${named}` : named;
  const colon = channel.indexOf(":");
  if (colon < 0) return { channel };
  const [kind, target] = [channel.slice(0, colon), channel.slice(colon + 1)];
  if (LISTED_KINDS.includes(kind) && target === "")
    return { channel, warning: `The channel "${channel}" needs a name. Write ${kind}:{name}.` };
  return kind === "session" && target !== "" ? resolveSession(bus, channel, target) : { channel };
}

async function resolveSession(bus: Bus, channel: string, target: string): Promise<Resolution> {
  if (isPersonsName(target)) return resolvePerson(target);
  if (target.startsWith("@")) return resolveClaim(bus, target.slice(1));
  const exact = await bus.store.sessions.get(target);
  if (exact !== undefined) return reach(bus, exact);
  const known = await bus.store.sessions.namedLike(target);
  const at = here(bus);
  const alive = known.filter((session) => isAlive(session, at));
  const byDisplayId = alive.filter((session) => session.display_id === target);
  const candidates = byDisplayId.length > 0 ? byDisplayId : alive;
  if (candidates.length > 1) return { refusal: ambiguous(target, candidates) };
  const found = candidates[0] ?? known.find((session) => session.display_id === target);
  if (found !== undefined) return reach(bus, found);
  if ((await bus.store.sessions.holder(target)) !== undefined) return resolveClaim(bus, target);
  // A client that crashed comes back under its id. Mail for its name waits for it.
  const [gone, ...others] = known.filter(({ deleted_at }) => deleted_at === null);
  if (gone !== undefined && others.length === 0) return reach(bus, gone);
  return {
    channel,
    warning: `No session has the id, display_id or name "${target}". The event is stored, but reaches no session. list_sessions shows the live sessions.`,
  };
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
    error: `Ambiguous session "${target}": ${candidates.length} live sessions have that name. Nothing was published.`,
    candidates: candidates.map(({ session_id, display_id, name, machine, repo }) => ({
      session_id,
      display_id,
      name,
      machine,
      repo,
    })),
    hint: "Publish again to session:{session_id} or session:{display_id}.",
  };
}
