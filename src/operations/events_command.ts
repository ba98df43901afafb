// The client side of `events`: how a person reads the log.
import type { Event } from "../domain/event.ts";
import type { CallTool, Flags, Here, Sent } from "../lib/command.ts";
import type { Json } from "../lib/json.ts";

/** Pages that are read for one screen, because lifecycle events are left out of it. */
const MOST_PAGES = 20;
const LIMIT = 50;

/** The result as it is shown, with what the flags ask for. */
export async function shownEvents(
  { ack_from: _, ...result }: Json,
  { args, flags, here, call }: Sent,
): Promise<Json> {
  const wanted = filterOf(flags, here, args);
  const events = (result.events as Event[]).filter(wanted);
  if (flags.follow === true) return { ...result, events: events.sort((a, b) => a.id - b.id) };
  if (!here.words) return { ...result, events };
  const whole = flags.full === true;
  const page = await filled({ ...result, events, whole }, result, wanted, args, call);
  if (here.terminal && flags.order === undefined)
    return { ...page, events: (page.events as Event[]).sort((a, b) => a.id - b.id), newest_last: true };
  return page;
}

/** Lifecycle events are noise to a person who has not asked for them. */
function filterOf(
  flags: Flags,
  { words }: Here,
  { event_types, min_level }: Json,
): (event: Event) => boolean {
  const excluded = String(flags.exclude ?? "")
    .split(",")
    .map((type) => type.trim());
  const hides = words && flags.all !== true && event_types === undefined && min_level === undefined;
  return ({ event_type, signal_level }) =>
    !excluded.includes(event_type) && !(hides && signal_level === "lifecycle");
}

/** Adds older pages to a page of the newest events until it is full again. */
async function filled(
  page: Json,
  raw: Json,
  wanted: (event: Event) => boolean,
  args: Json,
  call: CallTool,
): Promise<Json> {
  if (args.order === "asc" || args.resume === true || args.cursor !== undefined) return page;
  const limit = Number(args.limit ?? LIMIT);
  let { events, names } = page as { events: Event[]; names?: Json };
  let last = raw;
  for (let pages = 1; events.length < limit && last.has_more === true && pages < MOST_PAGES; pages++) {
    const before = oldestOf(last);
    last = await call("get_events", { ...args, acks: undefined, peek: true, before });
    // An older bus does not know `before` and answers with the same page.
    if (oldestOf(last) >= before) break;
    events = [...events, ...(last.events as Event[]).filter(wanted)].slice(0, limit);
    names = { ...names, ...(last.names as Json | undefined) };
  }
  const oldest = events.length < limit ? oldestOf(last) : Math.min(...events.map(({ id }) => id));
  return { ...page, events, names, has_more: last.has_more === true || events.length === limit, oldest };
}

function oldestOf({ events }: Json): number {
  return Math.min(...(events as Event[]).map(({ id }) => id));
}
