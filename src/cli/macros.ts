// Macros: their values are made at build time, so that showing them loads nothing.
import { version as ours } from "../config/client.ts";
import { programHelp } from "./help.ts";
import { allCommands } from "./registry.ts";

/** The help of the whole program. */
export function help(): string {
  return programHelp(allCommands());
}

export function version(): string {
  return ours;
}
