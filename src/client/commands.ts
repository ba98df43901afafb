import {
  type Command,
  type FileCommand,
  flagOf,
  isRequired,
  type Json,
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
  does: { tool: string } | { run(args: Json): Promise<Json> };
  print(result: Json, to: Printer): void;
}

/** Every command of the operations, in their order, and those on files. */
export function commandsOf(
  operations: readonly Operation[],
  files: readonly FileCommand[] = [],
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
  const onFiles = files.map((file) => ({
    name: file.command.name,
    about: file.about,
    command: file.command,
    params: file.params,
    flags: flagsOf(file.params, file.command),
    does: { run: (args: Json) => file.run(args as never) },
    print: file.print,
  }));
  return [...calling, ...onFiles];
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
    ...(param.type === "text" && param.choices !== undefined && { choices: param.choices }),
  };
}

function placeholder(param: Param): string {
  if (param.type === "text" && param.choices !== undefined)
    return param.choices.length > 2 ? "word" : param.choices.join("|");
  return { text: "text", cursor: "id", integer: "n", list: "a,b", boolean: "" }[param.type];
}
