import type { Bus } from "../../domain/context.ts";
import { PATHS, type Path } from "../../domain/direct_message.ts";
import { operation } from "../operation.ts";
import { HOOK_SESSION, hookSession, UNKNOWN } from "./session.ts";
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
    const cursor = Number(args.cursor ?? 0);
    if (Number.isSafeInteger(cursor) && cursor > 0 && cursor <= (await bus.store.events.tip()))
      await bus.store.sessions.advanceCursor(session.session_id, cursor);
    const [first, ...others] = numbers(args.event_ids);
    const asksOnly = first === undefined && args.unshown === undefined && args.cursor === undefined;
    if (!asksOnly || args.path !== undefined) bus.turns.end(session.session_id);
    if (args.path === "wake" && first !== undefined)
      rememberWoken(bus, session, { event_id: first, count: others.length + 1 });
    if (args.path !== undefined && args.bytes)
      await count(bus, session.session_id, first, args.path, args.bytes);
    return { success: true, session_id: session.session_id };
  },
});

/** Counts what was put into the session's context. `first`: the event shown first. */
async function count(
  bus: Bus,
  sessionId: string,
  first: number | undefined,
  path: Path,
  bytes: number,
): Promise<void> {
  const wakes = path === "wake" || path === "stop";
  const waking = wakes ? bus.waking.get(sessionId) : undefined;
  if (wakes) bus.waking.delete(sessionId);
  const event = first === undefined || waking !== undefined ? undefined : await bus.store.events.get(first);
  const sender = waking?.sender ?? event?.session_id ?? "";
  const kind = !wakes ? "hand_over" : waking?.free ? "free_wake" : "wake";
  await bus.store.pushes.record({ sessionId, sender, kind, bytes });
  bus.counts.pushed({ kind, bytes });
}
