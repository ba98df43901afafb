import type { Bus } from "../../domain/context.ts";
import { retitle } from "../../domain/registration.ts";
import type { Session } from "../../domain/session.ts";
import { beginning } from "../../lib/graphemes.ts";
import type { Json } from "../../lib/json.ts";
import { renamed } from "../names.ts";
import { senderOf } from "./digest.ts";

/** The first event of those that woke a session, and their number. */
export type Woken = NonNullable<ReturnType<Bus["wokenBy"]["get"]>>;

const MOST_REMEMBERED = 10_000;

/** Remembers the events that wake a session now. */
export function rememberWoken(bus: Bus, { session_id }: Session, woken: Omit<Woken, "at">): void {
  if (bus.wokenBy.size > MOST_REMEMBERED) bus.wokenBy.clear();
  bus.wokenBy.set(session_id, { ...woken, at: bus.now() });
}

/** A client that is woken begins its turn at once. One that shows the events itself runs no hook for it. */
const LONGEST_MS = 30_000;

/** The events that woke the session just now, once. */
export function takeWoken(bus: Bus, { session_id }: Session): Woken | undefined {
  const woken = bus.wokenBy.get(session_id);
  bus.wokenBy.delete(session_id);
  return woken !== undefined && bus.now() - woken.at < LONGEST_MS ? woken : undefined;
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
