import type { Scope } from "../domain/caller.ts";
import type { Bus, Call } from "../domain/context.ts";
import type { Bound } from "../domain/limits.ts";

interface Described {
  /** One short line: it is read by agents, people and the guide. */
  about: string;
  /** Name of the CLI flag without dashes; the parameter's name with dashes when absent; false: not on the CLI. */
  flag?: string | false;
  /** A letter that stands for the flag. */
  short?: string;
  /** Absent and null are the same for an optional parameter. */
  optional?: true;
  /** False: agents are not shown it; our own programs send it. */
  listed?: false;
}

/**
 * A parameter as plain data: MCP schema, CLI flag and guide row are derived from it. `max` is bytes of UTF-8 or items. A
 * `clamped` number beyond its bound means the bound.
 */
export type Param = Described &
  (
    | { type: "text"; min?: number; max: Bound; default?: string; choices?: readonly string[] }
    | { type: "integer"; min: number; max: Bound; default?: number; clamped?: true }
    | { type: "boolean"; default?: boolean }
    | { type: "list"; max: Bound; each: Bound }
    | { type: "cursor" }
  );

export type Params = Readonly<Record<string, Param>>;

type ValueOf<P extends Param> = P extends { type: "text"; choices: readonly (infer Choice)[] }
  ? Choice
  : P extends { type: "text" | "cursor" }
    ? string
    : P extends { type: "integer" }
      ? number
      : P extends { type: "boolean" }
        ? boolean
        : readonly string[];

/** The checked arguments of a handler: an optional parameter may be undefined, a defaulted one never is. */
export type Args<P extends Params> = {
  [K in keyof P]: P[K] extends { optional: true } ? ValueOf<P[K]> | undefined : ValueOf<P[K]>;
};

export type Json = Record<string, unknown>;

/** How a result is shown to a person. Text that came from events goes through `text` or `cell`s of `table`, never raw. */
export interface Printer {
  line(safe?: string): void;
  /** To stderr. */
  note(safe: string): void;
  table(rows: readonly (readonly string[])[]): void;
  text(untrusted: unknown): string;
  /** Many lines, each indented. */
  block(untrusted: string, indent: string): void;
  time(iso: unknown): string;
  ago(iso: unknown): string;
  bold(safe: string): string;
  dim(safe: string): string;
  colour(name: "red" | "green" | "yellow" | "cyan", safe: string): string;
}

/** What the client side of a command knows of the place it runs in. */
export interface Here {
  sessionId: string | undefined;
  cwd: string;
  machine(): string;
  repo(): Promise<string>;
  stdin(): Promise<string>;
}

export type Flags = Readonly<Record<string, string | boolean | undefined>>;

/** A usage mistake that only the command itself can see; the CLI exits with 64. */
export class UsageError extends Error {
  readonly hint: string | undefined;
  constructor(message: string, hint?: string) {
    super(message);
    this.name = "UsageError";
    this.hint = hint;
  }
}

/** No session is named where one is needed; the CLI exits with 1, as the original's does. */
export class NoSessionError extends UsageError {}

/** One CLI command of an operation. */
export interface Command {
  /** One or two words, like `publish` or `webhook list`. */
  name: string;
  about?: string;
  /** `what it is for` → the words after the program's name. */
  examples: readonly (readonly [command: string, purpose: string])[];
  /** Arguments that this command always sends, or never (null); they are no flags. */
  fixed?: Json;
  /** The parameter that is given without a flag. */
  positional?: string;
  /** What stands for it in the help; `ID` when undefined. */
  placeholder?: string;
  /** Flags that only the CLI has; `boolean` ones take no value. */
  flags?: Readonly<Record<string, { about: string; boolean?: true; value?: string }>>;
  /** Completes the arguments on the client side. */
  before?(args: Json, flags: Flags, here: Here): Json | Promise<Json>;
  /** Changes the result on the client side before it is shown; `call` asks the bus for more. */
  after?(result: Json, flags: Flags, call: (tool: string, args: Json) => Promise<Json>): Json | Promise<Json>;
  /** With `--follow`: the arguments that go on after an answer, called until the person ends it. */
  next?(args: Json, result: Json): Json;
  /** Runs after the output was written: what must not be done for output that nobody got. `result` is the bus's own. */
  shown?(args: Json, result: Json, call: (tool: string, args: Json) => Promise<Json>): Promise<void>;
  /** How long the bus may take to answer, ms; the client's default when undefined. */
  timeoutMs?(args: Json, flags: Flags): number | undefined;
}

export interface Operation<P extends Params = Params> {
  /** The MCP tool. */
  name: string;
  commands: readonly Command[];
  about: string;
  params: P;
  /** MCP annotations. */
  effect: "reads" | "writes" | "overwrites" | "destroys";
  /** The scope besides `full` that covers it. */
  scope?: Scope;
  /** Each call stores an event: it counts towards the publish rate. */
  appends?: true;
  /** False: agents are not shown it; our own programs call it. */
  listed?: false;
  run(bus: Bus, args: Args<P>, call: Call): Promise<Json | Json[]>;
  /** A list result arrives as `{ result: [...] }`. */
  print(result: Json, to: Printer): void;
}

/** What the command line lends to a command while it runs. */
export interface Desk {
  /** With `--json`: only the result is shown. */
  json: boolean;
  /** Shows what was just done, by the command's `tell`; with `--json` nothing. False when nobody reads it any more. */
  tell(step: Json): Promise<boolean>;
  /** Asks the person at the terminal; undefined where nobody can be asked: no terminal, or `--json`. */
  ask: ((question: string) => Promise<boolean>) | undefined;
}

/** A command of this machine alone: on the bus's files, or on its installation. It is no tool. */
export interface LocalCommand<P extends Params = Params> {
  about: string;
  params: P;
  command: Command;
  /** Loads what it needs itself: a command that calls the bus must not pay for it. */
  run(args: Args<P>, desk: Desk): Promise<Json>;
  /** Shows one step while the command runs. */
  tell?(step: Json, to: Printer): void;
  print(result: Json, to: Printer): void;
}

/** Declares a command of this machine; it only fixes the types of `run`'s arguments. */
export function localCommand<const P extends Params>(declaration: LocalCommand<P>): LocalCommand {
  return declaration as unknown as LocalCommand;
}

/** Declares an operation; it only fixes the types of `run`'s arguments. */
export function operation<const P extends Params>(declaration: Operation<P>): Operation {
  return declaration as unknown as Operation;
}

/** The flag of a parameter on the command line, without dashes; undefined when it has none. */
export function flagOf(name: string, param: Param): string | undefined {
  return param.flag === false ? undefined : (param.flag ?? name.replaceAll("_", "-"));
}

export function isRequired(param: Param): boolean {
  return param.optional !== true && !("default" in param && param.default !== undefined);
}
