import type { Call } from "../domain/call.ts";
import type { Bus } from "../domain/context.ts";
import type { Event } from "../domain/event.ts";
import { deletedRefusal } from "../domain/session.ts";
import type { Json } from "../lib/json.ts";
import { isNarrowed, type Query } from "./events_query.ts";
import { touch } from "./present.ts";
import { eventFor } from "./preview.ts";
import { read, readOne, startOf, waitFor } from "./read_events.ts";

/** Reads events, or waits for some (WIRE.md 4). */
export async function runGetEvents(bus: Bus, given: Query, call: Call): Promise<Json> {
  // A caller that may only read leaves no trace in the sessions of others.
  const onlyReads = call.caller.scope !== "full";
  const args = onlyReads ? { ...given, peek: true } : given;
  const session = args.session_id ? await bus.store.sessions.get(args.session_id) : undefined;
  const acked = args.acks && !onlyReads && session !== undefined;
  if (session !== undefined && session.deleted_at !== null) return deletedRefusal(session);
  if (!onlyReads) touch(bus, session);
  if (args.event_id !== undefined) return previewed(await readOne(bus, args, args.event_id), call, true);
  const start = await startOf(bus, args, session, acked);
  if ("answer" in start) return start.answer;
  // A narrowed wait, or one of another caller, does not make the session reachable.
  const reached = onlyReads || isNarrowed(args) ? undefined : session?.session_id;
  const page = args.wait_seconds
    ? await waitFor(bus, args, start, call, reached)
    : await read(bus, args, start, call);
  return previewed(page, call);
}

function previewed(page: Json, call: Call, isWhole = false): Json {
  const events = page.events as readonly Event[] | undefined;
  if (events === undefined || call.agent !== true) return page;
  return { ...page, events: events.map((event) => eventFor(call, event, isWhole)) };
}
