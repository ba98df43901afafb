import type { Call } from "../domain/call.ts";
import type { Scope } from "../domain/caller.ts";
import type { Bus } from "../domain/context.ts";
import type { LimitName } from "../domain/limits.ts";
import type { Command, Printer } from "../lib/command.ts";
import type { Json } from "../lib/json.ts";
import type { Args, Param, Params } from "../lib/param.ts";

/** A parameter whose bounds may be named limits. */
export type ToolParam = Param<LimitName>;

type ToolParams = Params<LimitName>;

export interface Operation<P extends ToolParams = ToolParams> {
  /** The MCP tool. */
  name: string;
  commands: readonly Command[];
  about: string;
  params: P;
  /** MCP annotations. */
  effect: "reads" | "writes" | "overwrites" | "destroys";
  /** The scope besides `full` that covers it. `any`: the handler decides. */
  scope?: Scope | "any";
  /** Each call stores an event, which counts towards the publish rate. */
  appends?: true;
  /** False for an operation that MCP clients cannot call. */
  tool?: false;
  /** Shown to agents always (absent), only if the bus lists all tools, or never. What is not shown can still be called. */
  listed?: "all" | false;
  run(bus: Bus, args: Args<P>, call: Call): Promise<Json | Json[]>;
  /** A list result arrives as `{ result: [...] }`. */
  print(result: Json, to: Printer): void | Promise<void>;
}

/** The declaration of one file. Most operations have one command. Those that hooks call have none and print nothing. */
type Declaration<P extends ToolParams> = Omit<Operation<P>, "commands" | "print"> &
  Partial<Pick<Operation<P>, "commands" | "print">> & { command?: Command };

/** Declares an operation, and fixes the types of `run`'s arguments. */
export function operation<const P extends ToolParams>(declaration: Declaration<P>): Operation {
  const { command, ...others } = declaration;
  const commands = command === undefined ? [] : [command];
  return { commands, print() {}, ...others } as unknown as Operation;
}
