import type { Operation } from "../operation.ts";
import { getEvents } from "../operations/get_events.ts";
import { publishEvent } from "../operations/publish_event.ts";
import { type CliCommand, commandsOf } from "./commands.ts";

/** What hooks and scripts run most: a line that begins so needs none of the other commands. */
export const ALONE: Readonly<Record<string, Operation>> = { publish: publishEvent, events: getEvents };

/** The commands that a line may mean: its first word's alone if that is run often, else all. */
export async function commandsFor([first = ""]: readonly string[]): Promise<readonly CliCommand[]> {
  const alone = Object.hasOwn(ALONE, first) ? ALONE[first] : undefined;
  if (alone !== undefined) return commandsOf([alone]);
  return (await import("./all.ts")).allCommands();
}
