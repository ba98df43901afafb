// A macro: the builds hold what it returns. A command that is missing here has its flags made when it runs.
import { getEvents } from "../operations/get_events.ts";
import { publishEvent } from "../operations/publish_event.ts";
import { commandsOf, type Flag } from "./commands.ts";

/** The flags of the commands that hooks and scripts run most, by the command's name. */
export function knownFlags(): Record<string, Flag[]> {
  return Object.fromEntries(
    commandsOf([publishEvent, getEvents]).map(({ name, flags }) => [name, [...flags]]),
  );
}
