import { getEvents } from "../operations/get_events.ts";
import type { Operation } from "../operations/operation.ts";
import { publishEvent } from "../operations/publish_event.ts";
import { type CliCommand, commandsOf } from "./commands.ts";

/** Hot path: the commands that hooks and scripts run most, which load no other command. */
export const ALONE: readonly Operation[] = [publishEvent, getEvents];

/** Commands that are repeated all day. Each loads its own operation, and no other command. */
export const LOADED: ReadonlyMap<string, () => Promise<Operation>> = new Map([
  ["sessions", async () => (await import("../operations/list_sessions.ts")).listSessions],
  ["needs", async () => (await import("../operations/list_needs.ts")).listNeeds],
]);

/** The commands that a line may mean: only that of its first word if it is run often, or else all. */
export async function commandsFor([first = ""]: readonly string[]): Promise<readonly CliCommand[]> {
  for (const operation of ALONE)
    for (const { name } of operation.commands) if (name === first) return commandsOf([operation]);
  const load = LOADED.get(first);
  if (load !== undefined) return commandsOf([await load()]);
  return (await import("./registry.ts")).allCommands();
}
