import { fileCommands } from "../admin/index.ts";
import { installCommands } from "../install/index.ts";
import { operations } from "../operations/index.ts";
import { type CliCommand, commandsOf } from "./commands.ts";

/** Every command, in the order of the help. */
export function allCommands(): CliCommand[] {
  return commandsOf(operations, [...installCommands, ...fileCommands]);
}
