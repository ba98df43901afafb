import { type Flags, UsageError } from "../lib/command.ts";
import type { CliCommand, Flag } from "./commands.ts";
import { suggestion } from "./suggest.ts";

export interface Globals {
  url?: string | undefined;
  json?: true;
  color?: string;
  debug?: true;
  help?: true;
  version?: true;
}

const COLORS = ["auto", "always", "never"];

/** The flags that every command has. */
export const GLOBAL_FLAGS: readonly Flag[] = [
  { name: "url", about: "The bus to talk to (AGENT_EVENT_BUS_URL)", value: "url" },
  { name: "json", about: "Print one JSON document", value: "", boolean: true },
  {
    name: "color",
    about: "auto, always or never (NO_COLOR and FORCE_COLOR count too)",
    value: "when",
    offers: COLORS,
  },
  { name: "debug", about: "Show the details of a failure", value: "", boolean: true },
  { name: "help", about: "Show this help", value: "", boolean: true, short: "h" },
  { name: "version", about: "Show the version", value: "", boolean: true },
];

export interface Line {
  globals: Globals;
  /** Undefined if the line has no command word. */
  command: CliCommand | undefined;
  /** The first word of two-word commands, when the second is missing. */
  group: string | undefined;
  /** Words after the command's own. `argumentsOf` checks them. */
  positionals: readonly string[];
  values: Flags;
}

/** A line that names its command. */
export type CommandLine = Line & { command: CliCommand };

type FlagNamed = (name: string, flags: readonly Flag[]) => Flag | undefined;

/**
 * Parses a command line. Values stay exactly as typed. `flagNamed` finds the flag that a name means.
 * @throws UsageError when the line is wrong.
 */
export async function parseLine(
  argv: readonly string[],
  commands: readonly CliCommand[],
  flagNamed: FlagNamed = named,
): Promise<Line> {
  const start = firstWord(argv);
  const before = await parseFlags(argv.slice(0, start), GLOBAL_FLAGS, flagNamed);
  const { command, group, words } = findCommand(argv.slice(start), commands);
  const own = command?.flags ?? [];
  const after = await parseFlags(argv.slice(start + words), [...own, ...GLOBAL_FLAGS], flagNamed);
  const globals = { ...before.values, ...after.values } as Globals;
  const { color = "auto" } = globals;
  if (!COLORS.includes(color))
    throw new UsageError(`--color is one of ${COLORS.join(", ")}, not "${color}".`);
  // The --url of such a command means something else.
  if (named("url", own) !== undefined) globals.url = before.values.url as string | undefined;
  return { globals, command, group, positionals: after.positionals, values: after.values };
}

function named(name: string, flags: readonly Flag[]): Flag | undefined {
  return flags.find((one) => one.name === name || one.alias === name);
}

/** Index of the command's first word, behind flags of every command. */
export function firstWord(argv: readonly string[]): number {
  let i = 0;
  while (argv[i]?.startsWith("-")) i += argv[i] === "--url" || argv[i] === "--color" ? 2 : 1;
  return i;
}

type Found = Pick<Line, "command" | "group"> & { words: number };

function findCommand(argv: readonly string[], commands: readonly CliCommand[]): Found {
  const extra = argv[0] === "help" ? 1 : 0;
  const [first, second = ""] = argv.slice(extra);
  if (first === undefined || first.startsWith("-"))
    return { command: undefined, group: undefined, words: extra };
  const two = commandNamed(`${first} ${second}`, commands);
  const command = two ?? commandNamed(first, commands);
  if (command !== undefined) return { command, group: undefined, words: extra + (two === undefined ? 1 : 2) };
  const members = commands.filter(({ name }) => name.startsWith(`${first} `));
  if (members.length === 0) throw unknownCommand(first, commands);
  if (second !== "" && !second.startsWith("-")) throw unknownMember(first, second, members);
  return { command: undefined, group: first, words: extra + 1 };
}

function commandNamed(name: string, commands: readonly CliCommand[]): CliCommand | undefined {
  return commands.find((one) => one.name === name || one.aliases.includes(name));
}

function unknownCommand(word: string, commands: readonly CliCommand[]): UsageError {
  const others = ["serve", "hook"];
  if (others.includes(word))
    return new UsageError(`${word} must be the first word.`, `agent-event-bus ${word} --help says more.`);
  const groups = [...new Set(commands.map(({ name }) => name.split(" ")[0] ?? ""))];
  const meant = suggestion(word, [...commands.map(({ name }) => name), ...groups, ...others], commands);
  return meant === undefined
    ? new UsageError(`Unknown command "${word}".`, "agent-event-bus --help lists all commands.")
    : new UsageError(`Unknown command "${word}". Did you mean "${meant}"?`);
}

function unknownMember(group: string, word: string, members: readonly CliCommand[]): UsageError {
  const names = members.map(({ name }) => name);
  const meant = suggestion(`${group} ${word}`, names, members);
  return meant === undefined
    ? new UsageError(`Unknown command "${group} ${word}".`, `The commands: ${wordsAfter(group, names)}.`)
    : new UsageError(`Unknown command "${group} ${word}". Did you mean "${meant}"?`);
}

/** The second words of the commands of a group, like `list, test`. */
export function wordsAfter(group: string, names: readonly string[]): string {
  return names.map((name) => name.slice(group.length + 1)).join(", ");
}

function unknownFlag(typed: string, flags: readonly Flag[]): UsageError {
  const names = flags.map(({ name }) => `--${name}`);
  const meant = suggestion(typed, names);
  return meant === undefined
    ? new UsageError(`Unknown flag ${typed}.`, "Add --help to see the flags.")
    : new UsageError(`Unknown flag ${typed}. Did you mean "${meant}"?`);
}

type Parsed = Pick<Line, "positionals" | "values">;

async function parseFlags(
  argv: readonly string[],
  flags: readonly Flag[],
  flagNamed: FlagNamed,
): Promise<Parsed> {
  const values: Record<string, string | boolean> = {};
  const words: string[] = [];
  for (const { flag, text } of guard(argv, flags, flagNamed))
    if (flag === undefined) words.push(text);
    else values[flag.name] = flag.boolean || text;
  // Hot path. Without `--`, words are as they were typed, and need no cac, which costs a sixth of a command's page faults.
  return { values, positionals: argv.includes("--") ? await wordsByCac(words) : words };
}

/** A flag with its value (empty if it is boolean), or a word. */
interface Token {
  flag: Flag | undefined;
  text: string;
}

/**
 * Ties every value to its flag.
 * @throws UsageError when no flag of the command explains a word that looks like a flag.
 */
function guard(argv: readonly string[], flags: readonly Flag[], flagNamed: FlagNamed): Token[] {
  const tokens: Token[] = [];
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i] ?? "";
    if (word === "--") {
      for (const text of argv.slice(i + 1)) tokens.push({ flag: undefined, text });
      break;
    }
    if (!word.startsWith("-") || word === "-") {
      tokens.push({ flag: undefined, text: word });
      continue;
    }
    const long = longOf(word, flags);
    const end = long.includes("=") ? long.indexOf("=") : long.length;
    const typed = long.slice(0, end);
    const flag = typed.startsWith("--") ? flagNamed(typed.slice(2), flags) : undefined;
    if (flag === undefined) throw unknownFlag(typed, flags);
    const value = end < long.length ? long.slice(end + 1) : undefined;
    if (flag.boolean) expectNoValue(flag, value);
    tokens.push({ flag, text: flag.boolean ? "" : (value ?? valueAfter(argv, i++, flags)) });
  }
  return tokens;
}

// cac takes a word that starts with a dash for a flag. Marked words stay as they are.
const MARK = "\u0001";

async function wordsByCac(words: readonly string[]): Promise<string[]> {
  const { cac } = await import("cac");
  const marked = words.map((word) => MARK + word);
  const { args } = cac("agent-event-bus").parse(["", "", ...marked], { run: false });
  return args.map((word) => word.slice(MARK.length));
}

function longOf(word: string, flags: readonly Flag[]): string {
  if (word.length !== 2) return word;
  const short = flags.find((flag) => flag.short === word[1]);
  return short === undefined ? word : `--${short.name}`;
}

function expectNoValue({ name }: Flag, value: string | undefined): void {
  if (value !== undefined && value !== "true")
    throw new UsageError(`--${name} takes no value, but was given "${value}".`);
}

function valueAfter(argv: readonly string[], i: number, flags: readonly Flag[]): string {
  const [name, value] = [argv[i], argv[i + 1]];
  if (value === undefined) throw new UsageError(`${name} needs a value.`);
  if (value.startsWith("--") && named(value.slice(2), flags) !== undefined)
    throw new UsageError(
      `${name} needs a value, but ${value} follows.`,
      `For a value that looks like a flag write ${name}=${value}.`,
    );
  return value;
}
