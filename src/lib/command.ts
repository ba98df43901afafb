import type { Json } from "./json.ts";
import type { Args, Params } from "./param.ts";

/** Shows a result to a person. Text from events goes through `text`, `block` or the cells of `table`, never raw. */
export interface Printer {
  line(safe?: string): void;
  /** Writes to stderr. */
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

/** Where a command runs. */
export interface Here {
  sessionId: string | undefined;
  cwd: string;
  machine(): string;
  repo(): Promise<string>;
  stdin(): Promise<string>;
}

export type Flags = Readonly<Record<string, string | boolean | undefined>>;

/** A usage mistake that only the command itself can see. The CLI exits with 64. */
export class UsageError extends Error {
  readonly hint: string | undefined;
  constructor(message: string, hint?: string) {
    super(message);
    this.name = "UsageError";
    this.hint = hint;
  }
}

/** No session is named where one is needed. The CLI exits with 1. */
export class NoSessionError extends UsageError {}

/** One CLI command of an operation. */
export interface Command {
  /** One or two words, like `publish` or `webhook list`. */
  name: string;
  about?: string;
  /** The words after the program's name, each with their purpose. */
  examples: readonly (readonly [command: string, purpose: string])[];
  /** Arguments that this command always sends, or never (null). They have no flags. */
  fixed?: Json;
  /** The parameter that is given without a flag. */
  positional?: string;
  /** Placeholder of the positional in the help. `ID` when undefined. */
  placeholder?: string;
  /** Flags that only the CLI has. `boolean` ones take no value. */
  flags?: Readonly<Record<string, { about: string; boolean?: true; value?: string }>>;
  /** Completes the arguments on the client side. */
  before?(args: Json, flags: Flags, here: Here): Json | Promise<Json>;
  /** Changes the result on the client side before it is shown. `call` asks the bus for more. */
  after?(result: Json, flags: Flags, call: (tool: string, args: Json) => Promise<Json>): Json | Promise<Json>;
  /** The arguments of the next call under `--follow`. */
  next?(args: Json, result: Json): Json;
  /** Runs after the output was written. Holds what must not happen if nobody received it. `result` is the bus's own. */
  shown?(args: Json, result: Json, call: (tool: string, args: Json) => Promise<Json>): Promise<void>;
  /** How long the bus may take to answer (ms). The client's default when undefined. */
  timeoutMs?(args: Json, flags: Flags): number | undefined;
}

/** The command line's services to a running command. */
export interface Desk {
  /** True with `--json`: only the result is shown. */
  json: boolean;
  /** Shows a step by the command's `tell`. Nothing with `--json`. False when no reader is left. */
  tell(step: Json): Promise<boolean>;
  /** Asks the user at the terminal. Undefined without a terminal and with `--json`. */
  ask: ((question: string) => Promise<boolean>) | undefined;
}

/** A command of this machine alone, on the bus's files or its installation. Not a tool. */
export interface LocalCommand<P extends Params = Params> {
  about: string;
  params: P;
  command: Command;
  /** Loads what it needs itself, so that a command that calls the bus does not pay for it. */
  run(args: Args<P>, desk: Desk): Promise<Json>;
  /** Shows one step while the command runs. */
  tell?(step: Json, to: Printer): void;
  print(result: Json, to: Printer): void;
}

/** Declares a command of this machine. Only fixes the types of `run`'s arguments. */
export function localCommand<const P extends Params>(declaration: LocalCommand<P>): LocalCommand {
  return declaration as unknown as LocalCommand;
}
