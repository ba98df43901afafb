import { fileCommands } from "../admin/index.ts";
import { installCommands } from "../install/index.ts";
import type { LocalCommand } from "../lib/command.ts";
import { operations, personOperations } from "../operations/index.ts";
import { type CliCommand, commandsOf } from "./commands.ts";
import { completionsCommand } from "./completions.ts";
import { statuslineCommand } from "./statusline.ts";

/** Every command of this machine, in the order of the help. */
export const localCommands: readonly LocalCommand[] = [
  ...installCommands,
  ...fileCommands,
  completionsCommand(allCommands),
  statuslineCommand,
];

/** Every command, in the order of the help. */
export function allCommands(): CliCommand[] {
  return commandsOf([...operations, ...personOperations], localCommands);
}
