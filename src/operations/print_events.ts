import { type MailState, recipientOf } from "../domain/direct_message.ts";
import { type Event, PERSON } from "../domain/event.ts";
import type { Column, Printer } from "../lib/command.ts";
import type { Json } from "../lib/json.ts";

type Shown = Event & { delivery?: MailState };
/** Session ids and the names that people know them by. */
type Names = Readonly<Record<string, string>>;

const COLUMNS: readonly Column[] = [{}, {}, { min: 12 }, { min: 8 }, { min: 16 }, {}];

/** Shows events on one line each, or whole if the result says so. */
export function printEvents(result: Json, to: Printer): void {
  const events = result.events as Shown[];
  const names = (result.names ?? {}) as Names;
  const follows = result.following === true;
  if (events.length === 0 && !follows) {
    to.line("No events.");
    return;
  }
  const more = result.has_more === true && !follows ? moreLine(events, result) : undefined;
  const isLog = result.newest_last === true;
  if (more !== undefined && isLog) to.line(to.dim(to.text(more)));
  if (result.whole === true) for (const event of events) printWhole(event, names, to);
  else
    to.table(
      COLUMNS,
      events.map((event) => cellsOf(event, names, to)),
    );
  if (more !== undefined && !isLog) to.note(to.text(more));
}

function moreLine(events: readonly Event[], { next_cursor, oldest }: Json): string {
  const [first, second] = events;
  // Only pages in ascending order continue where the last one ended (WIRE.md 4).
  if (oldest === undefined && first !== undefined && second !== undefined && first.id < second.id)
    return `More events: add --order asc --cursor ${next_cursor}`;
  return `Older events: add --before ${oldest ?? Math.min(...events.map(({ id }) => id))}`;
}

function cellsOf(event: Shown, names: Names, to: Printer): string[] {
  const { delivery } = event;
  const mark = delivery === undefined ? "" : markOf(delivery, to);
  const text = to.text(textOf(event));
  const head = [
    to.dim(to.clock(event.timestamp)),
    to.dim(`#${to.text(event.id)}`),
    partiesOf(event, names, to),
    typeOf(event, to),
  ];
  // Where nothing is shortened, a column behind texts of any length would be far away.
  return to.width === undefined ? [...head, mark === "" ? text : `${text}  ${mark}`] : [...head, text, mark];
}

function partiesOf(event: Event, names: Names, to: Printer): string {
  const { origin, channel, session_id } = event;
  const foreign = origin === undefined || OWN_ORIGINS.has(origin) ? "" : ` (${to.text(origin)})`;
  const recipient = recipientOf(channel);
  const audience = recipient === null ? channel : nameOf(recipient, names);
  return `${to.bold(to.text(nameOf(session_id, names)))}${foreign} → ${to.text(audience)}`;
}

const OWN_ORIGINS = new Set(["local", "person", "bus"]);

function nameOf(sessionId: string, names: Names): string {
  return sessionId === PERSON ? "you" : (names[sessionId] ?? sessionId);
}

function typeOf({ event_type, signal_level }: Event, to: Printer): string {
  const type = to.text(event_type);
  if (signal_level === "actionable") return to.colour("attention", type);
  return signal_level === "lifecycle" ? to.dim(type) : type;
}

function textOf({ title, payload }: Event): string {
  const text = payload.replace(/\s+/g, " ").trim();
  if (title === undefined) return text;
  return text === "" ? title : `${title} · ${text}`;
}

const MARKS: Readonly<Record<MailState, string>> = {
  stored: "not seen yet",
  offered: "✓ handed over",
  seen: "✓✓ seen",
  acked: "✓✓ seen",
};

function markOf(state: MailState, to: Printer): string {
  return state === "stored" ? to.colour("attention", MARKS[state]) : to.dim(MARKS[state]);
}

function printWhole(event: Shown, names: Names, to: Printer): void {
  const head = [
    to.bold(`#${to.text(event.id)}`),
    partiesOf(event, names, to),
    typeOf(event, to),
    to.dim(to.ago(event.timestamp)),
  ];
  to.line(head.join("  "));
  if (event.title !== undefined) to.line(`    ${to.bold(to.text(event.title))}`);
  if (event.payload !== "") to.block(event.payload, "    ");
  const notes = [to.time(event.timestamp)];
  if (event.delivery !== undefined) notes.push(to.text(event.delivery));
  if (event.correlation_id !== null) notes.push(`thread ${to.text(event.correlation_id)}`);
  if (event.tags !== undefined && event.tags.length > 0)
    notes.push(`tags ${event.tags.map((tag) => to.text(tag)).join(", ")}`);
  to.line(to.dim(`    ${notes.join(" · ")}`));
}
