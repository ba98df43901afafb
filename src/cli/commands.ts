import type { Command, Desk, LocalCommand, Printer } from "../lib/command.ts";
import type { Json } from "../lib/json.ts";
import { flagOf, isRequired, type Param, type Params } from "../lib/param.ts";
import type { Operation } from "../operations/operation.ts";

/** A flag as the command line sees it. */
export interface Flag {
  name: string;
  /** The parameter it fills; undefined for a flag that only the CLI has. */
  param: string | undefined;
  boolean: boolean;
  required: boolean;
  /** Placeholder of its value in the help. */
  value: string;
  about: string;
  fallback: string | undefined;
  /** The letter that stands for it after one dash. */
  short?: string;
  /** The words it takes; any text when undefined. */
  choices?: readonly string[];
}

export interface CliCommand {
  name: string;
  about: string;
  command: Command;
  params: Params;
  flags: readonly Flag[];
  /** The tool it calls, or what it does by itself. */
  does: { tool: string } | Local;
  print(result: Json, to: Printer): void;
}

interface Local {
  run(args: Json, desk: Desk): Promise<Json>;
  tell?: (step: Json, to: Printer) => void;
}

/**
 * Every command of the operations, in their order, and those of this machine. `flags`: those of some commands, by name,
 * where they were made before.
 */
export function commandsOf(
  operations: readonly Operation[],
  local: readonly LocalCommand[] = [],
  flags: Readonly<Record<string, readonly Flag[]>> = {},
): CliCommand[] {
  const commands: CliCommand[] = [];
  for (const { name: tool, about, params, commands: own, print } of operations)
    for (const command of own)
      commands.push({
        ...described(command, command.about ?? about, params, flags[command.name]),
        does: { tool },
        print,
      });
  for (const one of local) {
    const { about, params, command, print } = one;
    commands.push({ ...described(command, about, params), does: localOf(one), print });
  }
  return commands;
}

function described(
  command: Command,
  about: string,
  params: Params,
  flags: readonly Flag[] = flagsOf(params, command),
): Omit<CliCommand, "does" | "print"> {
  return { name: command.name, about, command, params, flags };
}

function localOf({ run, tell, params }: LocalCommand): Local {
  return {
    run: (args, desk) => run({ ...defaultsOf(params), ...args } as never, desk),
    ...(tell !== undefined && { tell }),
  };
}

// Of a tool they are the bus's to know.
function defaultsOf(params: Params): Json {
  const defaulted = Object.entries(params).filter(([, param]) => "default" in param);
  return Object.fromEntries(
    defaulted.map(([name, param]) => [name, (param as { default: unknown }).default]),
  );
}

function flagsOf(params: Params, command: Command): Flag[] {
  const flags: Flag[] = [];
  for (const [name, param] of Object.entries(params)) {
    const flag = flagOf(name, param);
    const given = command.positional === name || command.fixed?.[name] !== undefined;
    if (flag !== undefined && !given) flags.push(flagOfParam(name, flag, param));
  }
  for (const [name, { about, boolean, value }] of Object.entries(command.flags ?? {}))
    flags.push({
      name,
      param: undefined,
      boolean: boolean === true,
      required: false,
      value: value ?? "",
      about,
      fallback: undefined,
    });
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
