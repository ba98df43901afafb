// Macros: their values are made at build time, so that showing them loads nothing.
import { version as ours } from "../config/client.ts";
import { everydayHelp, programHelp } from "./help.ts";
import { allCommands } from "./registry.ts";

/** The help of the whole program. */
export function help(): string {
  return programHelp(allCommands());
}

/** The help shown when there is no command. */
export function shortHelp(): string {
  return everydayHelp(allCommands());
}

export function version(): string {
  return ours;
}
