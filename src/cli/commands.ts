import type { Command, Desk, LocalCommand, Printer, Word } from "../lib/command.ts";
import type { Json } from "../lib/json.ts";
import { flagOf, isRequired, type Param, type Params } from "../lib/param.ts";
import type { Operation } from "../operations/operation.ts";

/** A flag as the command line sees it. */
export interface Flag {
  name: string;
  /** The parameter that the flag fills. A flag of the CLI alone has no parameter. */
  param?: string;
  boolean?: boolean;
  required?: boolean;
  /** Placeholder of the value in the help. */
  value: string;
  about: string;
  fallback?: string | undefined;
  /** A further name. */
  alias?: string | undefined;
  /** The letter of the short form. */
  short?: string | undefined;
  /** The allowed values. Undefined allows any text. */
  choices?: readonly string[] | undefined;
  /** Values that shells offer beside the choices. */
  offers?: readonly string[] | undefined;
}

/** A parameter that the command line gives as a word. */
export interface WordOf extends Omit<Word, "required"> {
  declared: Param;
  required: boolean;
}

export interface CliCommand {
  name: string;
  /** Further names that the command line knows it by. */
  aliases: readonly string[];
  about: string;
  command: Command;
  params: Params;
  words: readonly WordOf[];
  flags: readonly Flag[];
  /** How much it may change: nothing, by adding only, or what is there. */
  effect: "reads" | "adds" | "changes";
  /** The tool that the command calls, or its work on this machine. */
  does:
    | { tool: string; api: boolean }
    | (Pick<LocalCommand, "tell"> & { run(args: Json, desk: Desk): Promise<Json> });
  print(result: Json, to: Printer): void | Promise<void>;
}

/** The commands of the operations, in their order, and those of this machine. */
export function commandsOf(
  operations: readonly Operation[],
  local: readonly LocalCommand[] = [],
): CliCommand[] {
  const calls = operations.flatMap(({ name, about, params, commands, print, effect, tool }) =>
    commands.map((command) => ({
      ...described(command, command.about ?? about, params),
      effect: effectOf(name, effect),
      does: { tool: name, api: tool === false },
      print,
    })),
  );
  const works = local.map((one) => ({
    ...described(one.command, one.about, one.params),
    effect: one.reads === true ? ("reads" as const) : ("changes" as const),
    does: {
      ...one,
      run: (args: Json, desk: Desk) => one.run({ ...defaultsOf(one.params), ...args } as never, desk),
    },
    print: one.print,
  }));
  return [...calls, ...works];
}

function effectOf(tool: string, effect: Operation["effect"]): CliCommand["effect"] {
  // Its only change is the reader's own cursor.
  if (effect === "reads" || tool === "get_events") return "reads";
  return effect === "writes" ? "adds" : "changes";
}

function described(
  command: Command,
  about: string,
  params: Params,
): Omit<CliCommand, "does" | "print" | "effect"> {
  const { name, aliases = [] } = command;
  const flags = flagsOf(params, command);
  return { name, aliases, about, command, params, words: wordsOf(params, command), flags };
}

function wordsOf(params: Params, { words = [], defaults }: Command): WordOf[] {
  return words.flatMap((word) => {
    const declared = params[word.param];
    if (declared === undefined) return [];
    const required = word.required ?? (isRequired(declared) && defaults?.[word.param] === undefined);
    return [{ ...word, declared, required }];
  });
}

// For local commands only. The bus knows the defaults of its tools.
function defaultsOf(params: Params): Json {
  const defaults: Json = {};
  for (const [name, param] of Object.entries(params)) if ("default" in param) defaults[name] = param.default;
  return defaults;
}

function flagsOf(params: Params, command: Command): Flag[] {
  const flags: Flag[] = [];
  for (const [name, param] of Object.entries(params)) {
    const flag = flagOf(name, param);
    const word = command.words?.find((one) => one.param === name);
    const given = (word !== undefined && word.orFlag !== true) || command.fixed?.[name] !== undefined;
    if (flag !== undefined && !given)
      flags.push(flagOfParam(name, flag, param, word, command.defaults?.[name]));
  }
  for (const [name, { about, boolean = false, value = "", short }] of Object.entries(command.flags ?? {}))
    flags.push({ name, about, boolean, value, short });
  return flags;
}

function flagOfParam(
  name: string,
  flag: string,
  param: Param,
  word: Word | undefined,
  fallback: unknown = "default" in param && param.default !== false ? param.default : undefined,
): Flag {
  return {
    name: flag,
    param: name,
    alias: param.alias,
    short: param.short,
    boolean: param.type === "boolean",
    required: word === undefined && fallback === undefined && isRequired(param),
    value: placeholder(param),
    about: word === undefined ? (param.help ?? param.about) : `The same as ${word.placeholder}`,
    fallback: fallback === undefined ? undefined : String(fallback),
    choices: param.type === "text" ? param.choices : undefined,
    offers: param.offers,
  };
}

function placeholder(param: Param): string {
  if (param.value !== undefined) return param.value;
  if (param.type === "text" && param.choices !== undefined)
    return param.choices.length > 2 ? "word" : param.choices.join("|");
  return { text: "text", cursor: "id", integer: "n", list: "a,b", boolean: "" }[param.type];
}

export const PROGRAM = "agent-event-bus";

/** A command with its words and required flags, like `reply ID TEXT…`. */
export function usageOf(command: Pick<CliCommand, "name" | "words" | "flags">): string {
  const { name, flags } = command;
  const required = flags.filter((flag) => flag.required).map((flag) => ` --${flag.name} <${flag.value}>`);
  return `${name}${wordsIn(command)}${required.join("")}`;
}

/** The words of a command with a space before each, like ` ID` or ` [ID]`. */
export function wordsIn({ words }: Pick<CliCommand, "words">): string {
  return words
    .map(({ placeholder, rest, required }) => {
      const word = rest === true ? `${placeholder}…` : placeholder;
      return required ? ` ${word}` : ` [${word}]`;
    })
    .join("");
}

/** An example with the program's name in front, unless the line has it already. */
export function exampleLine(line: string): string {
  return /(^|[\s("|])agent-event-bus\s/.test(line) ? line : `${PROGRAM} ${line}`;
}
