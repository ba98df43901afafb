// Macros: the builds hold what they return, so that telling it loads nothing.
import { version as ours } from "../config/client.ts";
import { programHelp } from "./help.ts";
import { allCommands } from "./registry.ts";

/** The help of the program as a whole. */
export function help(): string {
  return programHelp(allCommands());
}

export function version(): string {
  return ours;
}
