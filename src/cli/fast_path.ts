import { getEvents } from "../operations/get_events.ts";
import type { Operation } from "../operations/operation.ts";
import { publishEvent } from "../operations/publish_event.ts";
import { type CliCommand, commandsOf } from "./commands.ts";
import { knownFlags } from "./flags.ts" with { type: "macro" };

/** What hooks and scripts run most: a line that begins so needs none of the other commands. */
export const ALONE: readonly Operation[] = [publishEvent, getEvents];

/** Known when the program is built: making them takes a fortieth of a command's time. */
const FLAGS = knownFlags();

/** The commands that a line may mean: its first word's alone if that is run often, else all. */
export async function commandsFor([first]: readonly string[]): Promise<readonly CliCommand[]> {
  for (const operation of ALONE)
    for (const { name } of operation.commands) if (name === first) return commandsOf([operation], [], FLAGS);
  return (await import("./registry.ts")).allCommands();
}
