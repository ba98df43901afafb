import {
  type Command,
  type Desk,
  flagOf,
  isRequired,
  type Json,
  type LocalCommand,
  type Operation,
  type Param,
  type Params,
  type Printer,
} from "../operation.ts";

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

/** Every command of the operations, in their order, and those of this machine. */
export function commandsOf(
  operations: readonly Operation[],
  local: readonly LocalCommand[] = [],
): CliCommand[] {
  const calling = operations.flatMap((operation) =>
    operation.commands.map((command) => ({
      name: command.name,
      about: command.about ?? operation.about,
      command,
      params: operation.params,
      flags: flagsOf(operation.params, command),
      does: { tool: operation.name },
      print: operation.print,
    })),
  );
  const ofThisMachine = local.map((one) => ({
    name: one.command.name,
    about: one.about,
    command: one.command,
    params: one.params,
    flags: flagsOf(one.params, one.command),
    does: {
      run: (args: Json, desk: Desk) => one.run({ ...defaultsOf(one.params), ...args } as never, desk),
      ...(one.tell !== undefined && { tell: one.tell }),
    },
    print: one.print,
  }));
  return [...calling, ...ofThisMachine];
}

// Of a tool they are the bus's to know.
function defaultsOf(params: Params): Json {
  const defaulted = Object.entries(params).filter(([, param]) => "default" in param);
  return Object.fromEntries(
    defaulted.map(([name, param]) => [name, (param as { default: unknown }).default]),
  );
}

function flagsOf(params: Params, command: Command): Flag[] {
  const flags = Object.entries(params).flatMap(([name, param]): Flag[] => {
    const flag = flagOf(name, param);
    const given = command.positional === name || command.fixed?.[name] !== undefined;
    return flag === undefined || given ? [] : [flagOfParam(name, flag, param)];
  });
  const own = Object.entries(command.flags ?? {}).map(([name, { about, boolean, value }]) => ({
    name,
    param: undefined,
    boolean: boolean === true,
    required: false,
    value: value ?? "",
    about,
    fallback: undefined,
  }));
  return flags.concat(own);
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
