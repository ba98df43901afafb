// Differences under the name of the original's CLI, agent-event-bus-cli.
import type { Event } from "../domain/event.ts";
import type { Printer } from "../lib/command.ts";
import { beginning } from "../lib/graphemes.ts";
import type { Json } from "../lib/json.ts";
import type { CliCommand, Flag } from "./commands.ts";

/** Flags that the original lacks. A prefix means one of its own first. */
const LATER_FLAGS = new Set(
  "all before claim color follow from full grep ordered since to track type wait".split(" "),
);

/** The flag of that name, or the only one with that prefix. */
export function flagNamed(name: string, flags: readonly Flag[]): Flag | undefined {
  const named = flags.flatMap((flag) => [flag.name, flag.alias ?? flag.name].map((word) => ({ word, flag })));
  const exact = named.find(({ word }) => word === name)?.flag;
  if (exact !== undefined || name === "") return exact;
  const found = named.filter(({ word }) => word.startsWith(name));
  const older = found.filter(({ word }) => !LATER_FLAGS.has(word));
  return onlyFlag(found) ?? onlyFlag(older);
}

function onlyFlag(found: readonly { flag: Flag }[]): Flag | undefined {
  const flags = new Set(found.map(({ flag }) => flag));
  return flags.size === 1 ? found[0]?.flag : undefined;
}

/** The same command with the original's output, which scripts search for words. Undefined if the output is the same. */
export function printedAs(command: CliCommand): CliCommand | undefined {
  const print = PRINTS[command.name];
  return print === undefined ? undefined : { ...command, print };
}

const PRINTS: Readonly<Record<string, CliCommand["print"]>> = {
  sessions: printSessions,
  channels: printChannels,
  events: printEvents,
  ack: ({ previous_cursor, cursor }, to) =>
    to.line(`Cursor acked: ${to.text(previous_cursor ?? "start")} → ${to.text(cursor)}`),
  notify: (_result, to) => to.line("Notification sent"),
};

const LONG_ID = 16;

function printSessions(result: Json, to: Printer): void {
  const sessions = result.result as Json[];
  to.line(sessions.length === 0 ? "No active sessions" : `Active sessions (${sessions.length}):\n`);
  for (const session of sessions) {
    const { session_id, display_id, client_id, age_seconds, subscribed_channels = [] } = session;
    const id = String(session_id);
    to.line(`  ${to.text(display_id)}  ${to.text(session.name)}`);
    to.line(`    repo: ${to.text(session.repo)}, machine: ${to.text(session.machine)}`);
    // Status lines take the first word of the second line above this one.
    if (client_id) to.line(`    client_id: ${to.text(client_id)}`);
    to.line(`    age: ${Math.floor(Number(age_seconds))}s`);
    if (id !== display_id)
      to.line(`    session_id: ${to.text(id.length > LONG_ID ? `${beginning(id, 8)}…` : id)}`);
    to.line(`    channels: ${(subscribed_channels as string[]).map((one) => to.text(one)).join(", ")}\n`);
  }
}

function printChannels(result: Json, to: Printer): void {
  const channels = result.result as Json[];
  to.line(channels.length === 0 ? "No active channels" : `Active channels (${channels.length}):\n`);
  for (const { channel, subscribers } of channels)
    to.line(`  ${to.text(channel)}  (${to.text(subscribers)} subscriber${subscribers === 1 ? "" : "s"})`);
  if (channels.length > 0) to.line();
}

function printEvents(result: Json, to: Printer): void {
  const events = result.events as Event[];
  if (events.length === 0 && result.following !== true) to.line("No events");
  for (const event of events) {
    const { id, event_type, channel, signal_level, title, payload, correlation_id, tags = [] } = event;
    to.line(`[${id}] ${to.text(event_type)} (${to.text(channel)}) [${to.text(signal_level)}]`);
    if (title !== undefined) to.line(`    title: ${to.text(title)}`);
    to.block(payload, "    ");
    const thread = correlation_id === null ? "" : ` corr:${to.text(correlation_id)}`;
    const labels = tags.length === 0 ? "" : ` tags:${tags.map((tag) => to.text(tag)).join(",")}`;
    to.line(`    from: ${to.text(event.session_id)} at ${to.text(event.timestamp)}${thread}${labels}\n`);
  }
  if (result.has_more === true && result.following !== true)
    to.note(`More events available: --order asc --cursor ${to.text(result.next_cursor)} reads on.`);
}

/** The note of `wake-state` and `panes`, which do nothing. Users have them in hooks, which must not fail. */
export const BRIDGE_NOTE =
  "nothing to do: sessions are woken by their own hooks here (agent-event-bus install), not by a bridge.";
