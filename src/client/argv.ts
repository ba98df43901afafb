import { cac } from "cac";
import { type Flags, isRequired, type Json, type Param, UsageError } from "../operation.ts";
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
  { name: "url", value: "url", about: "The bus to talk to (AGENT_EVENT_BUS_URL)", boolean: false },
  { name: "json", value: "", about: "Print one JSON document", boolean: true },
  { name: "debug", value: "", about: "Show the details of a failure", boolean: true },
  { name: "help", short: "h", value: "", about: "Show this help", boolean: true },
  { name: "version", value: "", about: "Show the version", boolean: true },
].map((flag) => ({ ...flag, param: undefined, required: false, fallback: undefined }));

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

/** Takes a command line apart; values stay exactly as typed. Throws UsageError. */
export function parseLine(argv: readonly string[], commands: readonly CliCommand[]): Line {
  const start = firstWord(argv);
  const before = parseFlags(argv.slice(0, start), GLOBAL_FLAGS);
  const { command, group, words } = findCommand(argv.slice(start), commands);
  const own = command?.flags ?? [];
  const flags = own.concat(GLOBAL_FLAGS.filter((global) => !own.some((flag) => flag.name === global.name)));
  const after = parseFlags(argv.slice(start + words), flags);
  const urlIsOwn = own.some((flag) => flag.name === "url");
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

function firstWord(argv: readonly string[]): number {
  let i = 0;
  while (argv[i]?.startsWith("-")) i += argv[i] === "--url" ? 2 : 1;
  return Math.min(i, argv.length);
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
  const two = commands.find((command) => command.name === `${first} ${second}`);
  if (two !== undefined) return found(two, 2);
  const one = commands.find((command) => command.name === first);
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

function parseFlags(
  argv: readonly string[],
  flags: readonly Flag[],
): { values: Flags; positionals: string[] } {
  const guarded = guard(argv, flags);
  const cli = cac("agent-event-bus");
  const command = cli.command("run [...words]", "", { allowUnknownOptions: true });
  for (const flag of flags) command.option(flag.boolean ? `--${flag.name}` : `--${flag.name} <value>`, "");
  cli.parse(["", "", "run", ...guarded], { run: false });
  const values: Record<string, string | boolean | undefined> = {};
  for (const flag of flags) {
    const given = givenIn(cli.options, flag);
    const last = Array.isArray(given) ? given.at(-1) : given;
    if (last !== undefined) values[flag.name] = typeof last === "string" ? last.slice(MARK.length) : last;
  }
  return { values, positionals: cli.args.map((word) => word.slice(MARK.length)) };
}

function givenIn(options: Record<string, unknown>, { name }: Flag): unknown {
  // To cac, `--no-hooks` says that `hooks`, which is true otherwise, is false.
  if (name.startsWith("no-")) return options[camelCase(name.slice(3))] === false ? true : undefined;
  return options[camelCase(name)];
}

/** The same arguments with every value tied to its flag and marked; refuses what no flag of the command explains. */
function guard(argv: readonly string[], flags: readonly Flag[]): string[] {
  const guarded: string[] = [];
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i] ?? "";
    if (word === "--") return guarded.concat(argv.slice(i + 1).map((rest) => MARK + rest));
    if (!word.startsWith("-") || word === "-") guarded.push(MARK + word);
    else {
      const [name = "", ...rest] = longOf(word, flags).split("=");
      const flag = flags.find((known) => `--${known.name}` === name);
      if (flag === undefined)
        throw unknown(
          `flag ${name}`,
          suggestion(
            name,
            flags.map((known) => `--${known.name}`),
          ),
        );
      if (flag.boolean) guarded.push(booleanFlag(name, rest));
      else guarded.push(`${name}=${MARK}${rest.length > 0 ? rest.join("=") : valueAfter(argv, i++, flags)}`);
    }
  }
  return guarded;
}

function longOf(word: string, flags: readonly Flag[]): string {
  const meant = flags.find(({ short }) => short !== undefined && word === `-${short}`);
  return meant === undefined ? word : `--${meant.name}`;
}

function booleanFlag(name: string, rest: readonly string[]): string {
  if (rest.length === 0 || rest[0] === "true") return name;
  throw new UsageError(`${name} takes no value, but was given "${rest.join("=")}".`);
}

function valueAfter(argv: readonly string[], i: number, flags: readonly Flag[]): string {
  const [name, value] = [argv[i], argv[i + 1]];
  if (value === undefined) throw new UsageError(`${name} needs a value.`);
  if (flags.some((flag) => value === `--${flag.name}`))
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
  const fixed = Object.entries(command.fixed ?? {}).filter(([, value]) => value !== null);
  const args: Json = Object.fromEntries(fixed);
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
      const number = /^-?\d+$/.test(value) ? Number(value) : Number.NaN;
      if (!Number.isSafeInteger(number))
        throw new UsageError(`${label} takes a whole number, not "${value}".`);
      if (number < param.min)
        throw new UsageError(`${label} takes a number from ${param.min} on, not ${value}.`);
      // A bound with a name is the bus's to know: it can be set there.
      if (typeof param.max === "number" && number > param.max)
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
