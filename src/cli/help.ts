import { VARIABLES } from "../config/variables.ts";
import { wrapped } from "../lib/wrap.ts";
import { GLOBAL_FLAGS } from "./argv.ts";
import type { CliCommand, Flag } from "./commands.ts";
import { exampleLine, PROGRAM, usageOf, wordsIn } from "./commands.ts";
import { GROUPS } from "./groups.ts";

const WIDTH = 80;

/** Commands with a help of their own. */
export const OTHER_COMMANDS = [
  { name: "serve", about: "Run the bus in the foreground." },
  { name: "hook", about: "Run by Claude Code's hooks." },
] as const;

const READ_BY_COMMANDS = [VARIABLES.url, VARIABLES.token, VARIABLES.sessionId, VARIABLES.claudeSessionId];

const HEAD = [
  "Connects agent sessions: who is here, what happened, who needs whom.",
  "",
  `Usage: ${PROGRAM} <command> [flags]`,
];

/** The short help, shown when there is no command. Describes the everyday commands and names the others. */
export function everydayHelp(commands: readonly CliCommand[]): string {
  const [everyday, ...others] = groupsOf(commands);
  const rows = others.map(({ title, members }): [string, string] => [title, namesOf(members)]);
  return [
    ...HEAD,
    "",
    ...(everyday === undefined ? [] : [`${everyday.title}:`, ...columns(everyday.members.map(usageRow))]),
    "",
    ...columns(rows),
    "",
    `${PROGRAM} --help describes every command,`,
    `${PROGRAM} <command> --help its flags, with examples.`,
  ].join("\n");
}

/** The help of the whole program. */
export function programHelp(commands: readonly CliCommand[]): string {
  const groups = groupsOf(commands);
  const width = widest(groups.flatMap(({ members }) => members.map(commandRow)));
  return [
    ...HEAD,
    ...groups.flatMap(({ title, members }) => ["", `${title}:`, ...columns(members.map(commandRow), width)]),
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

type Described = Pick<CliCommand, "name" | "about"> &
  Partial<Pick<CliCommand, "aliases" | "words" | "flags">>;

/** The commands by group. Those of no group are for scripts. */
function groupsOf(commands: readonly CliCommand[]): { title: string; members: Described[] }[] {
  const known: readonly Described[] = [...commands, ...OTHER_COMMANDS];
  const grouped = new Set(GROUPS.flatMap(({ commands: names }) => names));
  return GROUPS.map(({ title, commands: names }, i) => ({
    title,
    members: [
      ...names.flatMap((name) => known.filter((one) => one.name === name)),
      ...known.filter(({ name }) => i === GROUPS.length - 1 && !grouped.has(name)),
    ],
  }));
}

/** Like `webhook register, list, test` for commands that share their first word. */
function namesOf(members: readonly Described[]): string {
  let first = "";
  const names = members.map(({ name }) => {
    const [word = "", second] = name.split(" ");
    const shown = second !== undefined && word === first ? second : name;
    first = word;
    return shown;
  });
  return names.join(", ");
}

function usageRow(command: Described): readonly [string, string] {
  const { words = [], flags = [] } = command;
  const usage = usageOf({ ...command, words, flags });
  return [usage, commandRow(command)[1]];
}

// The first sentence tells the purpose. The rest belongs to the command's own help.
function commandRow({ name, about, aliases = [] }: Described): readonly [string, string] {
  const also = aliases.map((alias) => ` Also: ${alias}.`).join("");
  return [name, (about.split(/(?<=\.) /)[0] ?? about) + also];
}

export function commandHelp(command: CliCommand): string {
  const flags = command.flags.length === 0 ? [] : ["", "Flags:", ...columns(command.flags.map(flagRow))];
  const own = new Set(command.flags.map((flag) => flag.name));
  const isLocal = "run" in command.does;
  const globals = GLOBAL_FLAGS.filter(({ name }) => !own.has(name) && !(isLocal && name === "url"));
  return [
    ...wrapped(command.about, WIDTH),
    "",
    `Usage: ${PROGRAM} ${usageOf(command)}${command.flags.length > 0 ? " [flags]" : ""}`,
    ...command.aliases.map((alias) => `Also: ${PROGRAM} ${alias}${wordsIn(command)}`),
    ...flags,
    "",
    "Flags of every command:",
    ...columns(globals.map(flagRow)),
    "",
    "Examples:",
    ...command.command.examples.flatMap(([line, purpose]) => [`  # ${purpose}`, `  ${exampleLine(line)}`]),
  ].join("\n");
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

function columns(rows: readonly (readonly [string, string])[], width = widest(rows)): string[] {
  return rows.flatMap(([left, right]) =>
    wrapped(right, WIDTH - width - 4).map((line, i) => `  ${(i === 0 ? left : "").padEnd(width)}  ${line}`),
  );
}

function widest(rows: readonly (readonly [string, string])[]): number {
  return Math.max(...rows.map(([left]) => left.length));
}
