import { operation } from "../operation.ts";
import { HOOK_SESSION, hookSession, UNKNOWN } from "./session.ts";

export const confirmEvents = operation({
  name: "confirm_events",
  about: "Say that events were shown to the session.",
  effect: "overwrites",
  listed: false,
  params: {
    ...HOOK_SESSION,
    event_ids: { type: "list", max: 100, each: 20, about: "What was shown" },
    unshown: {
      type: "list",
      optional: true,
      max: 100,
      each: 20,
      about: "What was collected with it for the first time, but not shown",
    },
    cursor: { type: "cursor", optional: true, about: "Everything for everyone up to it was shown" },
  },
  async run(bus, args) {
    const session = await hookSession(bus, args);
    if (session === undefined) return UNKNOWN;
    const numbers = (ids: readonly string[]) => ids.map(Number).filter(Number.isSafeInteger);
    await bus.store.mail.see(session.session_id, numbers(args.event_ids), numbers(args.unshown ?? []));
    const cursor = Number(args.cursor ?? 0);
    if (Number.isSafeInteger(cursor) && cursor > 0 && cursor <= (await bus.store.events.tip()))
      await bus.store.sessions.advanceCursor(session.session_id, cursor);
    bus.turns.end(session.session_id);
    return { success: true, session_id: session.session_id };
  },
});
