import { type Push, pushOf } from "../../domain/attention.ts";
import type { Bus } from "../../domain/context.ts";
import { formatCursor, parseCursor } from "../../domain/cursor.ts";
import type { Event } from "../../domain/event.ts";
import { attentionOf } from "../../domain/inbox.ts";
import type { Session } from "../../domain/session.ts";
import type { Json } from "../../lib/json.ts";
import { operation } from "../operation.ts";
import { HOOK_SESSION, hookSession, UNKNOWN } from "./session.ts";

const { client_id, machine, machine_id } = HOOK_SESSION;

export const watchSession = operation({
  name: "watch_session",
  about: "Wait for an event that a hook would hand over or count. Takes nothing.",
  effect: "reads",
  listed: false,
  params: {
    ...{ client_id, machine, machine_id },
    cursor: { type: "cursor", optional: true, about: "Only events after this id" },
    wait_seconds: { type: "integer", default: 0, min: 0, max: "wait_seconds", about: "Wait up to N seconds" },
  },
  async run(bus, args, call) {
    const session = await hookSession(bus, { ...args, pid: undefined, mod: undefined });
    if (session === undefined) return UNKNOWN;
    const tip = await bus.store.events.tip();
    const after = parseCursor(args.cursor);
    // Anything may have come before a caller that is new, or that knows events which were lost with a database.
    if (after === null || after > tip) return told(bus, session, tip, "hand_over");
    const push = (event: Event) => pushOf(event, session, { ...attentionOf(bus, session), mutedUntil: 0 }, 0);
    const wait = { call, seconds: args.wait_seconds };
    const news = bus.subscriptions.subscribe((event) => push(event) !== "silent", after, wait);
    for await (const events of news) {
      const last = events.at(-1);
      if (last === undefined) continue;
      const isCounted = events.every((event) => push(event) === "digest");
      return told(bus, session, last.id, isCounted ? "digest" : "hand_over");
    }
    return { ...(await told(bus, session, tip)), stops: news.over };
  },
});

/** `muted`: messages wait that will come without another event. */
async function told(bus: Bus, { session_id }: Session, to: number, push?: Push): Promise<Json> {
  const muted_until = (await bus.store.sessions.get(session_id))?.muted_until ?? 0;
  return { session_id, cursor: formatCursor(to), ...(push && { push }), muted: muted_until > bus.now() };
}
