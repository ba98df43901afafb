// A macro: its value is made at build time.
import { getEvents } from "../operations/get_events.ts";
import { publishEvent } from "../operations/publish_event.ts";
import { commandsOf, type Flag } from "./commands.ts";

/** The flags of the commands that run most, by the command's name. */
export function knownFlags(): Record<string, Flag[]> {
  return Object.fromEntries(
    commandsOf([publishEvent, getEvents]).map(({ name, flags }) => [name, [...flags]]),
  );
}
