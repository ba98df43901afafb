import type { Operation } from "../operation.ts";
import { type CliCommand, commandsOf } from "./commands.ts";

/** What hooks and scripts run most. Each is loaded without the others, which would double its own part of the time. */
export const ALONE: Readonly<Record<string, () => Promise<Operation>>> = {
  publish: async () => (await import("../operations/publish_event.ts")).publishEvent,
  events: async () => (await import("../operations/get_events.ts")).getEvents,
};

/** The commands that a line may mean: its first word's alone if that is run often, else all. */
export async function commandsFor([first = ""]: readonly string[]): Promise<readonly CliCommand[]> {
  const alone = Object.hasOwn(ALONE, first) ? ALONE[first] : undefined;
  if (alone !== undefined) return commandsOf([await alone()]);
  return (await import("./all.ts")).allCommands();
}
