import { type Flags, UsageError } from "../lib/command.ts";
import type { Json } from "../lib/json.ts";
import { isRequired, type Param } from "../lib/param.ts";
import type { CliCommand, Flag } from "./commands.ts";
import { suggestion } from "./suggest.ts";

export interface Globals {
  url: string | undefined;
  json: boolean;
  debug: boolean;
  help: boolean;
  version: boolean;
}

/** The flags that every command has. */
export const GLOBAL_FLAGS: readonly Flag[] = [
  globalFlag("url", "The bus to talk to (AGENT_EVENT_BUS_URL)", "url"),
  globalFlag("json", "Print one JSON document"),
  globalFlag("debug", "Show the details of a failure"),
  { ...globalFlag("help", "Show this help"), short: "h" },
  globalFlag("version", "Show the version"),
];

function globalFlag(name: string, about: string, value = ""): Flag {
  return {
    name,
    value,
    about,
    boolean: value === "",
    param: undefined,
    required: false,
    fallback: undefined,
  };
}

export interface Line {
  globals: Globals;
  /** Undefined when there is no command word. */
  command: CliCommand | undefined;
  /** The first word of two-word commands, when the second is missing. */
  group: string | undefined;
  /** Words after the command's own; checked by `argumentsOf`. */
  positionals: readonly string[];
  values: Flags;
}

type FlagNamed = (name: string, flags: readonly Flag[]) => Flag | undefined;

/**
 * Takes a command line apart; values stay exactly as typed. `flagNamed` finds a flag by what was typed. Rejects with
 * UsageError.
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
  const flags = [...own];
  for (const flag of GLOBAL_FLAGS) if (named(flag.name, own) === undefined) flags.push(flag);
  const after = await parseFlags(argv.slice(start + words), flags, flagNamed);
  const urlIsOwn = named("url", own) !== undefined;
  const globals = {
    ...before.values,
    ...(urlIsOwn ? { ...after.values, url: before.values.url } : after.values),
  };
  return {
    globals: {
      url: globals.url as string | undefined,
      json: globals.json === true,
      debug: globals.debug === true,
      help: globals.help === true,
      version: globals.version === true,
    },
    command,
    group,
    positionals: after.positionals,
    values: after.values,
  };
}

/** Not `find`, whose first use costs more than the search. */
function named<T extends { name: string }>(name: string, list: readonly T[]): T | undefined {
  for (const one of list) if (one.name === name) return one;
  return undefined;
}

/** Where the command begins, behind flags of every command. */
export function firstWord(argv: readonly string[]): number {
  let i = 0;
  while (argv[i]?.startsWith("-")) i += argv[i] === "--url" ? 2 : 1;
  return i;
}

type Found = Pick<Line, "command" | "group"> & { words: number };

function findCommand(argv: readonly string[], commands: readonly CliCommand[]): Found {
  const extra = argv[0] === "help" ? 1 : 0;
  const [first, second = ""] = argv.slice(extra);
  const found = (command: CliCommand | undefined, words: number) => ({
    command,
    group: undefined,
    words: extra + words,
  });
  if (first === undefined || first.startsWith("-")) return found(undefined, 0);
  const two = named(`${first} ${second}`, commands);
  if (two !== undefined) return found(two, 2);
  const one = named(first, commands);
  if (one !== undefined) return found(one, 1);
  const names = commands.map((command) => command.name);
  const members = names.filter((name) => name.startsWith(`${first} `));
  if (members.length === 0) throw unknownCommand(first, names);
  if (second !== "" && !second.startsWith("-"))
    throw unknown(`command "${first} ${second}"`, suggestion(`${first} ${second}`, members));
  return { command: undefined, group: first, words: extra + 1 };
}

function unknownCommand(word: string, names: readonly string[]): UsageError {
  const others = ["serve", "hook"];
  if (others.includes(word))
    return new UsageError(`${word} must be the first word.`, `agent-event-bus ${word} --help says more.`);
  return unknown(`command "${word}"`, suggestion(word, [...names, ...others]));
}

function unknown(what: string, meant: string | undefined): UsageError {
  return new UsageError(`Unknown ${what}.${meant === undefined ? "" : ` Did you mean "${meant}"?`}`);
}

// cac turns `0012` into 12, `""` into 0 and a value that starts with a dash into a flag: behind this mark it cannot.
const MARK = "\u0001";

interface Parsed {
  values: Flags;
  positionals: readonly string[];
}

async function parseFlags(
  argv: readonly string[],
  flags: readonly Flag[],
  flagNamed: FlagNamed,
): Promise<Parsed> {
  const guarded = guard(argv, flags, flagNamed);
  const values = onlyFlags(guarded, flags);
  return values === undefined ? await parsed(guarded, flags) : { values, positionals: [] };
}

/** What cac would make of a line without further words, in a tenth of the time; undefined for any other. */
function onlyFlags(guarded: readonly string[], flags: readonly Flag[]): Flags | undefined {
  const values: Record<string, string | boolean | undefined> = {};
  for (const word of guarded) {
    if (word.startsWith(MARK)) return undefined;
    const end = word.indexOf("=");
    const flag = named(word.slice(2, end), flags);
    if (flag !== undefined) values[flag.name] = flag.boolean || word.slice(end + 1 + MARK.length);
  }
  return values;
}

async function parsed(guarded: readonly string[], flags: readonly Flag[]): Promise<Parsed> {
  const { cac } = await import("cac");
  const { args, options } = cac("agent-event-bus").parse(["", "", ...guarded], { run: false });
  const values: Record<string, string | boolean | undefined> = {};
  for (const flag of flags) {
    const given = givenIn(options, flag);
    const last = Array.isArray(given) ? given.at(-1) : given;
    if (last !== undefined) values[flag.name] = flag.boolean || last.slice(MARK.length);
  }
  return { values, positionals: args.map((word) => word.slice(MARK.length)) };
}

function givenIn(options: Record<string, unknown>, { name }: Flag): unknown {
  // To cac, `--no-hooks=` says that `hooks=` is false.
  if (name.startsWith("no-")) return options[`${camelCase(name.slice(3))}=${MARK}`];
  return options[camelCase(name)];
}

/** The same arguments with every value tied to its flag and marked; refuses what no flag of the command explains. */
function guard(argv: readonly string[], flags: readonly Flag[], flagNamed: FlagNamed): string[] {
  const guarded: string[] = [];
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i] ?? "";
    if (word === "--") return guarded.concat(argv.slice(i + 1).map((rest) => MARK + rest));
    if (!word.startsWith("-") || word === "-") guarded.push(MARK + word);
    else {
      const [typed = "", ...rest] = longOf(word, flags).split("=");
      const flag = typed.startsWith("--") ? flagNamed(typed.slice(2), flags) : undefined;
      if (flag === undefined)
        throw unknown(
          `flag ${typed}`,
          suggestion(
            typed,
            flags.map((known) => `--${known.name}`),
          ),
        );
      const name = `--${flag.name}`;
      const value = flag.boolean
        ? booleanFlag(name, rest)
        : rest.length > 0
          ? rest.join("=")
          : valueAfter(argv, i++, flags);
      guarded.push(`${name}=${MARK}${value}`);
    }
  }
  return guarded;
}

function longOf(word: string, flags: readonly Flag[]): string {
  if (!word.startsWith("--"))
    for (const { short, name } of flags) if (short !== undefined && word === `-${short}`) return `--${name}`;
  return word;
}

function booleanFlag(name: string, rest: readonly string[]): string {
  if (rest.length === 0 || rest[0] === "true") return "";
  throw new UsageError(`${name} takes no value, but was given "${rest.join("=")}".`);
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

function camelCase(name: string): string {
  return name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}

/** The operation's arguments of a command line. Throws UsageError that names the flag. */
export function argumentsOf(line: Line & { command: CliCommand }): Json {
  const { params, command, flags } = line.command;
  const args: Json = {};
  if (command.fixed !== undefined)
    for (const [name, value] of Object.entries(command.fixed)) if (value !== null) args[name] = value;
  for (const flag of flags) {
    const value = line.values[flag.name];
    const param = flag.param === undefined ? undefined : params[flag.param];
    if (value === undefined || param === undefined || flag.param === undefined) continue;
    const converted = convert(`--${flag.name}`, value, param);
    if (converted !== undefined) args[flag.param] = converted;
  }
  return { ...args, ...positionalOf(line) };
}

function positionalOf({ command, positionals }: Line & { command: CliCommand }): Json {
  const name = command.command.positional;
  const [word, ...more] = positionals;
  const surplus = name === undefined ? word : more[0];
  if (surplus !== undefined)
    throw new UsageError(`${command.name} takes no further word, but was given "${surplus}".`);
  const param = name === undefined ? undefined : command.params[name];
  if (name === undefined || param === undefined) return {};
  const { placeholder = "ID" } = command.command;
  if (word !== undefined) return { [name]: convert(`the ${placeholder} of ${command.name}`, word, param) };
  if (isRequired(param))
    throw new UsageError(
      `${command.name} needs ${/^[AEIO]/.test(placeholder) ? "an" : "a"} ${placeholder}.`,
      `Write: ${command.name} ${placeholder}`,
    );
  return {};
}

/** Refuses a command line that lacks a required flag; run after the client side has completed the arguments. */
export function requireFlags(command: CliCommand, args: Json): void {
  for (const flag of command.flags)
    if (flag.required && flag.param !== undefined && args[flag.param] === undefined)
      throw new UsageError(
        `${command.name} needs --${flag.name}.`,
        `agent-event-bus ${command.name} --help shows its flags.`,
      );
}

function convert(label: string, value: string | boolean, param: Param): unknown {
  if (typeof value === "boolean") return value;
  switch (param.type) {
    case "integer": {
      const typed = /^-?\d+$/.test(value) ? Number(value) : Number.NaN;
      const number = param.clamped === true ? Math.min(typed, Number.MAX_SAFE_INTEGER) : typed;
      if (!Number.isSafeInteger(number))
        throw new UsageError(`${label} takes a whole number, not "${value}".`);
      if (number < param.min)
        throw new UsageError(`${label} takes a number from ${param.min} on, not ${value}.`);
      // A bound with a name is the bus's to know: it can be set there.
      if (typeof param.max === "number" && number > param.max && param.clamped !== true)
        throw new UsageError(`${label} takes a number up to ${param.max}, not ${value}.`);
      return number;
    }
    case "list": {
      const items = value
        .split(",")
        .map((item) => item.trim())
        .filter(Boolean);
      return items.length > 0 ? items : undefined;
    }
    case "text":
      if (param.choices !== undefined && !param.choices.includes(value))
        throw new UsageError(`${label} is one of ${param.choices.join(", ")}, not "${value}".`);
      return value;
    default:
      return value;
  }
}
