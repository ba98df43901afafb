import type { Command, Desk, LocalCommand, Printer } from "../lib/command.ts";
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
  /** The letter of the short form. */
  short?: string;
  /** The allowed values. Undefined allows any text. */
  choices?: readonly string[];
}

export interface CliCommand {
  name: string;
  about: string;
  command: Command;
  params: Params;
  flags: readonly Flag[];
  /** The tool that the command calls, or its work on this machine. */
  does: { tool: string } | (Pick<LocalCommand, "tell"> & { run(args: Json, desk: Desk): Promise<Json> });
  print(result: Json, to: Printer): void;
}

/** The commands of the operations, in their order, and those of this machine. */
export function commandsOf(
  operations: readonly Operation[],
  local: readonly LocalCommand[] = [],
): CliCommand[] {
  const calls = operations.flatMap(({ name: tool, about, params, commands, print }) =>
    commands.map((command) => ({
      ...described(command, command.about ?? about, params),
      does: { tool },
      print,
    })),
  );
  const works = local.map((one) => ({
    ...described(one.command, one.about, one.params),
    does: {
      ...one,
      run: (args: Json, desk: Desk) => one.run({ ...defaultsOf(one.params), ...args } as never, desk),
    },
    print: one.print,
  }));
  return [...calls, ...works];
}

function described(command: Command, about: string, params: Params): Omit<CliCommand, "does" | "print"> {
  return { name: command.name, about, command, params, flags: flagsOf(params, command) };
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
    const given = command.positional === name || command.fixed?.[name] !== undefined;
    if (flag !== undefined && !given) flags.push(flagOfParam(name, flag, param));
  }
  for (const [name, { about, boolean = false, value = "" }] of Object.entries(command.flags ?? {}))
    flags.push({ name, about, boolean, value });
  return flags;
}

function flagOfParam(name: string, flag: string, param: Param): Flag {
  const fallback = "default" in param && param.default !== false ? param.default : undefined;
  return {
    name: flag,
    param: name,
    boolean: param.type === "boolean",
    required: isRequired(param),
    value: placeholder(param),
    about: param.about,
    fallback: fallback === undefined ? undefined : String(fallback),
    ...(param.short !== undefined && { short: param.short }),
    ...(param.type === "text" && param.choices !== undefined && { choices: param.choices }),
  };
}

function placeholder(param: Param): string {
  if (param.type === "text" && param.choices !== undefined)
    return param.choices.length > 2 ? "word" : param.choices.join("|");
  return { text: "text", cursor: "id", integer: "n", list: "a,b", boolean: "" }[param.type];
}
