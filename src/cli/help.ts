import { VARIABLES } from "../config/variables.ts";
import { isRequired } from "../lib/param.ts";
import { GLOBAL_FLAGS } from "./argv.ts";
import type { CliCommand, Flag } from "./commands.ts";

const PROGRAM = "agent-event-bus";
const WIDTH = 80;

/** Commands that are no operations; they have a help of their own. */
export const OTHER_COMMANDS = [
  { name: "serve", about: "Run the bus in the foreground." },
  { name: "hook", about: "What Claude Code runs at its events." },
] as const;

const READ_BY_COMMANDS = [VARIABLES.url, VARIABLES.token, VARIABLES.sessionId, VARIABLES.claudeSessionId];

export function programHelp(commands: readonly CliCommand[]): string {
  return [
    "Connects agent sessions: who is here, what happened, who needs whom.",
    "",
    `Usage: ${PROGRAM} <command> [flags]`,
    "",
    "Commands:",
    ...columns([...OTHER_COMMANDS, ...commands].map(commandRow)),
    "",
    "Flags of every command:",
    ...columns(GLOBAL_FLAGS.map(flagRow)),
    "",
    "Environment:",
    ...columns(READ_BY_COMMANDS.map(({ name, about }) => [name, about])),
    "",
    `${PROGRAM} <command> --help shows a command's flags and examples.`,
  ].join("\n");
}

/** The commands that share a first word. */
export function groupHelp(group: string, commands: readonly CliCommand[]): string {
  const members = commands.filter(({ name }) => name.startsWith(`${group} `));
  return [
    `Usage: ${PROGRAM} ${group} <command> [flags]`,
    "",
    "Commands:",
    ...columns(members.map(commandRow)),
    "",
    `${PROGRAM} ${group} <command> --help shows a command's flags and examples.`,
  ].join("\n");
}

// The first sentence is what it is for; the rest belongs to the command's own help.
function commandRow({ name, about }: { name: string; about: string }): readonly [string, string] {
  return [name, about.split(/(?<=\.) /)[0] ?? about];
}

export function commandHelp(command: CliCommand): string {
  const flags = command.flags.length === 0 ? [] : ["", "Flags:", ...columns(command.flags.map(flagRow))];
  const own = new Set(command.flags.map((flag) => flag.name));
  const isLocal = "run" in command.does;
  const globals = GLOBAL_FLAGS.filter(({ name }) => !own.has(name) && !(isLocal && name === "url"));
  return [
    ...wrapped(command.about, WIDTH),
    "",
    `Usage: ${PROGRAM} ${command.name}${positionalOf(command)}${command.flags.length > 0 ? " [flags]" : ""}`,
    ...flags,
    "",
    "Flags of every command:",
    ...columns(globals.map(flagRow)),
    "",
    "Examples:",
    ...command.command.examples.flatMap(([line, purpose]) => [`  # ${purpose}`, `  ${exampleLine(line)}`]),
  ].join("\n");
}

/** ` ID` or ` [ID]` for a command that takes one without a flag. */
export function positionalOf({ command, params }: CliCommand): string {
  const param = command.positional === undefined ? undefined : params[command.positional];
  if (param === undefined) return "";
  const { placeholder = "ID" } = command;
  return isRequired(param) ? ` ${placeholder}` : ` [${placeholder}]`;
}

/** An example as one types it: a line that names the program somewhere stays as it is. */
export function exampleLine(line: string): string {
  return /(^|[\s("|])agent-event-bus\s/.test(line) ? line : `${PROGRAM} ${line}`;
}

function flagRow(flag: Flag): readonly [string, string] {
  const listed = flag.choices !== undefined && flag.choices.join("|") !== flag.value;
  const notes = [
    flag.required ? "required" : "",
    listed ? `one of ${flag.choices?.join(", ")}` : "",
    flag.fallback === undefined ? "" : `default ${flag.fallback}`,
  ];
  const note = notes.filter(Boolean).join(", ");
  return [
    `${flag.short === undefined || flag.name === "help" ? "" : `-${flag.short}, `}--${flag.name}${flag.value === "" ? "" : ` <${flag.value}>`}`,
    note === "" ? flag.about : `${flag.about} (${note})`,
  ];
}

function columns(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.flatMap(([left, right]) =>
    wrapped(right, WIDTH - width - 4).map((line, i) => `  ${(i === 0 ? left : "").padEnd(width)}  ${line}`),
  );
}

function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) lines.splice(-1, 1, `${last} ${word}`);
    else lines.push(word);
  }
  return lines;
}
