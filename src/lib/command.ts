import type { Json } from "./json.ts";
import type { Args, Params } from "./param.ts";

/** A column of a table. */
export interface Column {
  title?: string;
  /** On a terminal that is too narrow, the column with the highest number is left out first. Absent: always shown. */
  drop?: number;
  /** Its texts may be shortened to this many characters. Absent: never shortened. */
  min?: number;
}

/** Shows a result to a person. Text from events goes through `text` or `block`, never raw. */
export interface Printer {
  /** Columns of the terminal. Undefined if the result goes elsewhere, where nothing is shortened. */
  width: number | undefined;
  /** A line as it is. A command in it can be copied. */
  line(safe?: string): void;
  /** A sentence, broken between words where it is longer than the terminal. */
  prose(safe: string): void;
  /** The same, to stderr. */
  note(safe: string): void;
  /** A line that takes the place of the last one shown so, on a terminal. To be followed by no other kind but the result. */
  progress(safe: string): void;
  /** Aligned cells, under a heading if the columns have titles. */
  table(columns: readonly Column[], rows: readonly (readonly string[])[]): void;
  text(untrusted: unknown): string;
  /** Many lines, each indented. */
  block(untrusted: string, indent: string): void;
  time(iso: unknown): string;
  /** The time of a line in a log: short on a terminal, with its date elsewhere. */
  clock(iso: unknown): string;
  ago(iso: unknown): string;
  bold(safe: string): string;
  dim(safe: string): string;
  /** Marks what needs attention, and what is wrong. */
  colour(name: "attention" | "trouble", safe: string): string;
}

/** Where a command runs. */
export interface Here {
  sessionId: string | undefined;
  /** The result is shown in words to a person, not as JSON and not under the original's name. */
  words: boolean;
  /** The result is shown on a terminal. */
  terminal: boolean;
  cwd: string;
  /** The fields by which the bus knows this machine. */
  machine(): Json;
  /** The PID namespace of this process. Undefined without Linux. */
  pidNamespace(): string | undefined;
  /** A URL at the host of the bus that is called. */
  link(path: string): string;
  /** Opens a URL with the user's browser. Undefined if no browser of this machine is seen. */
  browse: ((url: string) => Promise<boolean>) | undefined;
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

/** A parameter that is given as a word of the command line. */
export interface Word {
  param: string;
  /** Its placeholder in the help, like `ID`. */
  placeholder: string;
  /** Must be given, though the parameter has a default. */
  required?: true;
  /** Takes all words that follow, joined by spaces. Only the last word may. */
  rest?: true;
  /** The parameter has its flag too. */
  orFlag?: true;
  /** Values that shells offer here, in place of the parameter's. */
  offers?: readonly string[];
}

/** Calls a tool of the bus. */
export type CallTool = (tool: string, args: Json) => Promise<Json>;

/** A call that the bus has answered. */
export interface Sent {
  args: Json;
  flags: Flags;
  here: Here;
  /** Asks the bus for more. */
  call: CallTool;
}

/** One CLI command of an operation. */
export interface Command {
  /** One or two words, like `publish` or `webhook list`. */
  name: string;
  /** Further names of the same command. */
  aliases?: readonly string[];
  about?: string;
  /** The words after the program's name, each with their purpose. */
  examples: readonly (readonly [command: string, purpose: string])[];
  /** Arguments that this command always sends, or never (null). They have no flags. */
  fixed?: Json;
  /** Arguments that this command sends unless the line says otherwise. */
  defaults?: Json;
  /** The parameters that are given without a flag, in their order. */
  words?: readonly Word[];
  /** Flags that only the CLI has. `boolean` ones take no value. */
  flags?: Readonly<Record<string, { about: string; boolean?: true; value?: string; short?: string }>>;
  /** Completes the arguments on the client side. */
  before?(args: Json, flags: Flags, here: Here): Json | Promise<Json>;
  /** Changes the result on the client side before it is shown. */
  after?(result: Json, line: Sent): Json | Promise<Json>;
  /** The arguments of the next call under `--follow`. */
  next?(args: Json, result: Json): Json;
  /** Runs after the output was written. Holds what must not happen if nobody received it. `result` is the bus's own. */
  shown?(args: Json, result: Json, call: CallTool): Promise<void>;
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
  /** The command changes nothing. */
  reads?: true;
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
