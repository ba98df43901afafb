import type { Bus } from "../../domain/context.ts";
import { retitle } from "../../domain/registration.ts";
import type { Session } from "../../domain/session.ts";
import { beginning } from "../../lib/graphemes.ts";
import type { Json } from "../../lib/json.ts";
import { renamed } from "../names.ts";
import { senderOf } from "./digest.ts";

/** The first event of those that woke a session, and their number. */
export interface Woken {
  event_id: number;
  count: number;
}

/** A client that is woken begins its turn at once. One that shows the events itself runs no hook for it. */
const LONGEST_MS = 30_000;

const noteOf = ({ session_id }: Session) => `woken ${session_id}`;

/** Remembers the events that wake a session now, for whichever bus runs its next hook. */
export async function rememberWoken({ store, now }: Bus, session: Session, woken: Woken): Promise<void> {
  await store.peers.put(noteOf(session), JSON.stringify({ ...woken, at: now() }), LONGEST_MS);
}

/** The events that woke the session just now, once. */
export async function takeWoken({ store, now, warn }: Bus, session: Session): Promise<Woken | undefined> {
  try {
    const note = await store.peers.pull(noteOf(session));
    if (note === undefined) return undefined;
    const { at, ...woken } = JSON.parse(note) as Woken & { at: number };
    return now() - at < LONGEST_MS ? woken : undefined;
  } catch (error) {
    // The hand-over goes on without it.
    warn(`could not find what woke ${session.display_id}: ${error}`);
    return undefined;
  }
}

/** Start of a payload that the user is shown (characters). */
const MOST_SHOWN = 200;

/** The part of an answer by which a hook tells the user what woke the session. */
export async function toldOf(bus: Bus, woken: Woken | undefined): Promise<Json> {
  const event = woken && (await bus.store.events.get(woken.event_id));
  if (woken === undefined || event === undefined) return {};
  const payload = beginning(event.payload, MOST_SHOWN);
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
    bus.warn(`could not rename ${session.display_id}: ${error}`);
    return {};
  }
}
