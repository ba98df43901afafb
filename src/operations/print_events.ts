import type { Event } from "../domain/event.ts";
import type { Printer } from "../lib/command.ts";
import type { Json } from "../lib/json.ts";

const COLOURS = { lifecycle: undefined, info: "cyan", actionable: "yellow" } as const;

export function printEvents(result: Json, to: Printer): void {
  const events = result.events as Event[];
  if (events.length === 0 && result.following !== true) to.line("No events.");
  for (const event of events) printEvent(event, to);
  if (result.has_more === true && result.following !== true)
    to.note(more(events, to.text(result.next_cursor)));
}

// Only a page that runs oldest first ends where the next one begins (WIRE.md 4).
function more([first, second]: readonly Event[], cursor: string): string {
  return first !== undefined && second !== undefined && first.id < second.id
    ? `More events wait. Read on with --order asc --cursor ${cursor}`
    : "There are more events than --limit allows; --order asc pages through them, oldest first.";
}

function printEvent(event: Event & { delivery?: string }, to: Printer): void {
  const colour = COLOURS[event.signal_level];
  const level =
    colour === undefined ? to.dim(event.signal_level) : to.colour(colour, to.text(event.signal_level));
  const head = [to.bold(`#${to.text(event.id)}`), to.text(event.event_type), to.text(event.channel), level];
  to.line(`${head.join("  ")}  ${to.dim(`${to.time(event.timestamp)}, ${to.ago(event.timestamp)}`)}`);
  if (event.title !== undefined) to.line(`    ${to.bold(to.text(event.title))}`);
  if (event.payload !== "") to.block(event.payload, "    ");
  const origin = event.origin === undefined || event.origin === "local" ? "" : ` (${to.text(event.origin)})`;
  const notes = [`from ${to.text(event.session_id)}${origin}`];
  if (event.delivery !== undefined) notes.push(to.text(event.delivery));
  if (event.correlation_id !== null) notes.push(`correlation ${to.text(event.correlation_id)}`);
  if (event.tags !== undefined && event.tags.length > 0)
    notes.push(`tags ${event.tags.map((tag) => to.text(tag)).join(", ")}`);
  to.line(to.dim(`    ${notes.join(" · ")}`));
}
