import { formatCursor, parseCursor } from "../domain/cursor.ts";
import { deletedRefusal, notFound } from "../domain/session.ts";
import { operation } from "./operation.ts";
import { withOwnSession } from "./params.ts";
import { touch } from "./present.ts";

export const ackEvents = operation({
  name: "ack_events",
  about: "Mark events up to a cursor as seen.",
  effect: "overwrites",
  params: {
    session_id: { type: "text", max: "id_bytes", about: "Your session" },
    cursor: { type: "cursor", about: "Highest id you have seen" },
    from: {
      type: "cursor",
      optional: true,
      flag: false,
      listed: false,
      about: "First id that was read. The cursor never moves back",
    },
    allow_rewind: { type: "boolean", default: false, about: "Allow moving back" },
  },
  command: {
    name: "ack",
    examples: [
      ["ack --cursor 42", "mark everything up to event 42 as seen"],
      ["ack --cursor 0 --allow-rewind", "read everything again"],
    ],
    before: (args, _flags, here) => withOwnSession(args, here, "ack"),
  },
  async run(bus, args) {
    const session = await bus.store.sessions.get(args.session_id);
    if (session === undefined) return notFound(args.session_id);
    const { session_id } = session;
    if (session.deleted_at !== null) return deletedRefusal(session);
    touch(bus, session);
    const saved = session.cursor === null ? null : formatCursor(session.cursor);
    const refuse = (error: string, more = {}) => ({ error, session_id, cursor: saved, ...more });
    if (/^\s*-\d+\s*$/.test(args.cursor))
      return refuse(`The cursor ${args.cursor} is negative. Use 0 or an event id.`);
    const cursor = parseCursor(args.cursor);
    if (cursor === null) return refuse(`The cursor "${args.cursor}" is not a whole number. Use an event id.`);
    const tip = await bus.store.events.tip();
    if (cursor > tip)
      return refuse(`The cursor ${cursor} is beyond the newest event (${tip}). Use ${tip} or a lower id.`, {
        tip: formatCursor(tip),
      });
    const from = parseCursor(args.from);
    if (from !== null) {
      await bus.store.sessions.advanceCursor(session_id, cursor, from);
      return { success: true, session_id, cursor: formatCursor(Math.max(cursor, session.cursor ?? 0)) };
    }
    if (session.cursor !== null && cursor < session.cursor && !args.allow_rewind)
      return refuse(
        `The cursor ${cursor} is behind the saved one (${saved}). Set allow_rewind to read events again.`,
      );
    await bus.store.sessions.acknowledge(session_id, cursor);
    return { success: true, session_id, cursor: formatCursor(cursor), previous_cursor: saved };
  },
  print(result, to) {
    const previous = result.previous_cursor === null ? "none" : to.text(result.previous_cursor);
    to.line(`Cursor saved: ${to.bold(to.text(result.cursor))} (before: ${previous})`);
  },
});
