import { type Bus, here } from "../../domain/context.ts";
import { retitle } from "../../domain/registration.ts";
import { isAlive, type Session } from "../../domain/session.ts";
import type { Json } from "../../lib/json.ts";
import { renamed } from "../names.ts";

/** The first event of those that woke a session, and their number. */
export type Woken = NonNullable<ReturnType<Bus["wokenBy"]["get"]>>;

const MOST_REMEMBERED = 10_000;

export function rememberWoken({ wokenBy }: Bus, { session_id }: Session, woken: Woken): void {
  if (wokenBy.size > MOST_REMEMBERED) wokenBy.clear();
  wokenBy.set(session_id, woken);
}

/** The events that woke the session, once. */
export function takeWoken({ wokenBy }: Bus, { session_id }: Session): Woken | undefined {
  const woken = wokenBy.get(session_id);
  wokenBy.delete(session_id);
  return woken;
}

/** Start of a payload that the user is shown (characters). */
const MOST_SHOWN = 200;

/** The part of an answer by which a hook tells the user what woke the session. */
export async function toldOf(bus: Bus, woken: Woken | undefined): Promise<Json> {
  const event = woken && (await bus.store.events.get(woken.event_id));
  if (woken === undefined || event === undefined) return {};
  const payload = event.payload.slice(0, MOST_SHOWN);
  const first = { ...event, payload, from: await senderOf(bus, event.session_id) };
  return { woken_by: { first, count: woken.count } };
}

/** Renames a session whose client tells a new title. Empty if that does not change its name. */
export async function renameTo(bus: Bus, session: Session, title: string | undefined): Promise<Json> {
  if (title === undefined || title === session.title) return {};
  try {
    const retitled = await retitle(bus, session, title);
    if (retitled === null || retitled.session.name === session.name) return {};
    const { name } = retitled.session;
    return { renamed: name, ...renamed(retitled.wanted, name) };
  } catch (error) {
    // The hand-over goes on without it.
    bus.warn(`${session.display_id} was not renamed: ${error}`);
    return {};
  }
}

export async function senderOf(bus: Bus, sessionId: string): Promise<Json> {
  const sender = await bus.store.sessions.get(sessionId);
  if (sender === undefined) return { name: sessionId };
  const { name, display_id, repo, machine } = sender;
  return { name, display_id, repo, machine, here: isAlive(sender, here(bus)) };
}
