/** Among `offers`, stands for the names of the sessions that are here. */
export const SESSIONS = "<session>";

interface Described {
  /** One short line, read by agents, people and the guide. */
  about: string;
  /** Name of the CLI flag without dashes. Absent: the parameter's name with dashes. False: not on the CLI. */
  flag?: string | false;
  /** A longer line for the help of the command line. `about` if absent. */
  help?: string;
  /** Placeholder of its value on the command line. By its type if absent. */
  value?: string;
  /** A further name of the flag. */
  alias?: string;
  /** A letter that stands for the flag. */
  short?: string;
  /** Values that shells offer beside `choices`: words or `SESSIONS`. */
  offers?: readonly string[];
  /** Absent and null are the same for an optional parameter. */
  optional?: true;
  /** False hides it from agents. Our own programs send it. */
  listed?: false;
}

/**
 * A parameter as plain data, from which the MCP schema, the CLI flag and the guide row are derived. `max` counts bytes of
 * UTF-8 or items, as a number or as the name of a limit. A `clamped` number beyond its bound means the bound.
 */
export type Param<Limit extends string = string> = Described &
  (
    | { type: "text"; min?: number; max: number | Limit; default?: string; choices?: readonly string[] }
    | { type: "integer"; min: number; max: number | Limit; default?: number; clamped?: true }
    | { type: "boolean"; default?: boolean }
    | { type: "list"; max: number | Limit; each: number | Limit }
    | { type: "cursor" }
  );

export type Params<Limit extends string = string> = Readonly<Record<string, Param<Limit>>>;

type ValueOf<P extends Param> = P extends { type: "text"; choices: readonly (infer Choice)[] }
  ? Choice
  : P extends { type: "text" | "cursor" }
    ? string
    : P extends { type: "integer" }
      ? number
      : P extends { type: "boolean" }
        ? boolean
        : readonly string[];

/** Checked arguments: an optional parameter may be undefined, a defaulted one never is. */
export type Args<P extends Params> = {
  [K in keyof P]: P[K] extends { optional: true } ? ValueOf<P[K]> | undefined : ValueOf<P[K]>;
};

/** The parameter's flag on the command line, without dashes. Undefined if it has no flag. */
export function flagOf(name: string, param: Param): string | undefined {
  return param.flag === false ? undefined : (param.flag ?? name.replaceAll("_", "-"));
}

export function isRequired(param: Param): boolean {
  return param.optional !== true && !("default" in param && param.default !== undefined);
}
