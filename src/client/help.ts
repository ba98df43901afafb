import { GLOBAL_FLAGS } from "./argv.ts";
import type { CliCommand, Flag } from "./commands.ts";

const PROGRAM = "agent-event-bus";

/** Commands that are no operations; they have a help of their own. */
export const OTHER_COMMANDS = [{ name: "serve", about: "Run the bus in the foreground." }] as const;

export function programHelp(commands: readonly CliCommand[]): string {
  const rows = [...OTHER_COMMANDS, ...commands].map(({ name, about }) => [name, about] as const);
  return [
    "The event bus that connects agent sessions: who is here, what happened, who needs whom.",
    "",
    `Usage: ${PROGRAM} <command> [flags]`,
    "",
    "Commands:",
    ...columns(rows),
    "",
    "Flags of every command:",
    ...columns(GLOBAL_FLAGS.map(flagRow)),
    "",
    `${PROGRAM} <command> --help shows a command's flags and examples.`,
    "",
  ].join("\n");
}

export function commandHelp(command: CliCommand): string {
  const positional = command.command.positional === undefined ? "" : " ID";
  const flags = command.flags.length === 0 ? [] : ["", "Flags:", ...columns(command.flags.map(flagRow))];
  const own = new Set(command.flags.map((flag) => flag.name));
  const globals = GLOBAL_FLAGS.filter((flag) => !own.has(flag.name));
  return [
    command.about,
    "",
    `Usage: ${PROGRAM} ${command.name}${positional}${command.flags.length > 0 ? " [flags]" : ""}`,
    ...flags,
    "",
    "Flags of every command:",
    ...columns(globals.map(flagRow)),
    "",
    "Examples:",
    ...command.command.examples.flatMap(([line, purpose]) => [`  # ${purpose}`, `  ${exampleLine(line)}`]),
    "",
  ].join("\n");
}

/** An example as one types it: a line that names the program somewhere stays as it is. */
export function exampleLine(line: string): string {
  return line.includes(PROGRAM) ? line : `${PROGRAM} ${line}`;
}

function flagRow(flag: Flag): readonly [string, string] {
  const notes = [
    flag.required ? "required" : "",
    flag.fallback === undefined ? "" : `default ${flag.fallback}`,
  ];
  const note = notes.filter(Boolean).join(", ");
  return [
    `--${flag.name}${flag.value === "" ? "" : ` <${flag.value}>`}`,
    note === "" ? flag.about : `${flag.about} (${note})`,
  ];
}

function columns(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`);
}
