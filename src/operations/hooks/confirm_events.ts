import type { Bus } from "../../domain/context.ts";
import { PATHS, type Path, type Unread } from "../../domain/direct_message.ts";
import { wakingOf } from "../../domain/inbox.ts";
import type { Session } from "../../domain/session.ts";
import { operation } from "../operation.ts";
import { goOn, HOOK_SESSION, hookSession, UNKNOWN } from "./session.ts";
import { rememberWoken } from "./user_line.ts";

export const confirmEvents = operation({
  name: "confirm_events",
  about: "Confirm that events were shown to the session. Without events, only return its session_id.",
  effect: "overwrites",
  listed: false,
  params: {
    ...HOOK_SESSION,
    event_ids: { type: "list", max: 100, each: 20, about: "Events that were shown" },
    unshown: {
      type: "list",
      optional: true,
      max: 100,
      each: 20,
      about: "Events that were collected for the first time, but not shown",
    },
    lost: {
      type: "list",
      optional: true,
      max: 100,
      each: 20,
      about: "Events that were shown to an earlier client, and that its conversation does not hold",
    },
    cursor: { type: "cursor", optional: true, about: "All broadcast events up to it were shown" },
    path: { type: "text", optional: true, max: 8, choices: PATHS, about: "Hook that showed them" },
    bytes: {
      type: "integer",
      optional: true,
      min: 0,
      max: Number.MAX_SAFE_INTEGER,
      about: "Size of the text (bytes)",
    },
  },
  async run(bus, args) {
    const session = await hookSession(bus, args);
    if (session === undefined) return UNKNOWN;
    const numbers = (ids: readonly string[]) => ids.map(Number).filter(Number.isSafeInteger);
    await bus.store.mail.see(session.session_id, numbers(args.event_ids), numbers(args.unshown ?? []));
    if (args.lost !== undefined) await bus.store.mail.lose(session.session_id, numbers(args.lost));
    const cursor = Number(args.cursor ?? 0);
    if (Number.isSafeInteger(cursor) && cursor > 0 && cursor <= (await bus.store.events.tip()))
      await bus.store.sessions.advanceCursor(session.session_id, cursor);
    const shown = numbers(args.event_ids);
    const [first] = shown;
    const asksOnly = [first, args.unshown, args.lost, args.cursor].every((one) => one === undefined);
    if (args.path === "wake" && first !== undefined) {
      // The prompt of the turn that begins takes what comes meanwhile.
      bus.turns.passOn(session.session_id);
      await rememberWoken(bus, session, { event_id: first, count: shown.length });
    } else if (!asksOnly || args.path !== undefined) bus.turns.end(session.session_id);
    if (args.path === "stop" && first !== undefined) goOn(bus, session);
    if (args.path !== undefined && args.bytes) await count(bus, session, shown, args.path, args.bytes);
    return { success: true, session_id: session.session_id };
  },
});

/** Counts what was put into the session's context. */
async function count(
  bus: Bus,
  session: Session,
  shown: readonly number[],
  path: Path,
  bytes: number,
): Promise<void> {
  const { session_id: sessionId } = session;
  const wakes = path === "wake" || path === "stop";
  const events = await eventsOf(bus, wakes ? shown : shown.slice(0, 1));
  const waking = wakes ? await wakingOf(bus, session, events) : undefined;
  const sender = (waking?.event ?? events[0]?.event)?.session_id ?? "";
  const isFree = waking !== undefined && "free" in waking && waking.free;
  const kind = !wakes ? "hand_over" : isFree ? "free_wake" : "wake";
  await bus.store.pushes.record({ sessionId, sender, kind, bytes });
  bus.counts.pushed({ kind, bytes });
}

async function eventsOf({ store }: Bus, ids: readonly number[]): Promise<Unread[]> {
  const found = await Promise.all(ids.map((id) => store.events.get(id)));
  return found.flatMap((event) => (event === undefined ? [] : [{ event, repeat: false }]));
}
