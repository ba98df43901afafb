import type { Call } from "../domain/call.ts";
import type { Caller } from "../domain/caller.ts";
import { type Bus, BusError } from "../domain/context.ts";
import type { Share } from "../domain/share.ts";
import { beginning } from "../lib/graphemes.ts";
import { type Admit, createAdmit } from "./admission.ts";
import { type CallLog, describeCall, textOf } from "./call_log.ts";
import type { Operation } from "./operation.ts";
import type { Denial, Failure, Outcome } from "./outcome.ts";
import { type Checked, checker } from "./schema.ts";

export interface DoorOptions {
  bus: Bus;
  operations: readonly Operation[];
  /** Share of the calls under way. */
  calls: Share;
  log: CallLog;
  /** False once the caller's token is revoked or expired. */
  holds(caller: Caller): boolean;
  /** Clock that never jumps (ms). */
  steady(): number;
}

interface Entry {
  operation: Operation;
  check(args: unknown): Checked;
}

/** The one way to run an operation. Every protocol translates its messages to `invoke` and back. */
export class Door {
  readonly #options: DoorOptions;
  readonly #admit: Admit;
  readonly #entries: ReadonlyMap<unknown, Entry>;

  constructor(options: DoorOptions) {
    const { bus, operations, steady } = options;
    this.#options = options;
    this.#admit = createAdmit(bus.limits, steady);
    this.#entries = new Map(
      operations.map((operation) => [operation.name, { operation, check: checker(operation, bus.limits) }]),
    );
  }

  /** The same for a client of MCP, which does not know the operations of other doors. */
  async invokeTool(name: unknown, args: unknown, call: Call): Promise<Outcome> {
    if (this.#entries.get(name)?.operation.tool === false) return failed("unknown", unknownTool(name));
    return this.invoke(name, args, call);
  }

  /** True for an operation each of whose calls stores an event. */
  appends(name: unknown): boolean {
    return this.#entries.get(name)?.operation.appends === true;
  }

  /** Runs the operation called `name`, which comes unchecked from a client as `args` does. */
  async invoke(name: unknown, args: unknown, call: Call): Promise<Outcome> {
    const { caller } = call;
    const { calls } = this.#options;
    const full = calls.take(caller);
    if (full !== null)
      return this.#denied(caller, {
        kind: "busy",
        reason: `${full}. Nothing was done. Try again in a second.`,
      });
    try {
      const entry = this.#entries.get(name);
      if (entry === undefined) return failed("unknown", unknownTool(name));
      const denial = this.#admit(caller, entry.operation);
      return denial === null ? await this.#logged(entry, args ?? {}, call) : this.#denied(caller, denial);
    } finally {
      calls.give(caller);
    }
  }

  #denied(caller: Caller, denial: Denial): Outcome {
    this.#options.log.denied(caller, denial);
    return { refusal: denial };
  }

  async #logged({ operation, check }: Entry, args: unknown, call: Call): Promise<Outcome> {
    const { log } = this.#options;
    const began = performance.now();
    const checked = check(args);
    const outcome =
      "problem" in checked
        ? failed("arguments", checked.problem)
        : await this.#run(operation, checked.args, call);
    const ms = performance.now() - began;
    if (call.repeated !== true || "refusal" in outcome)
      log.call(() => describeCall(operation, args, outcome, call.caller, ms));
    if ("value" in outcome && !Array.isArray(outcome.value) && outcome.value.session_deleted === true)
      log.deleted(operation.name, outcome.value);
    return outcome;
  }

  async #run(operation: Operation, args: unknown, call: Call): Promise<Outcome> {
    const { bus, holds } = this.#options;
    const { caller } = call;
    const ended = () =>
      failed(
        "token_ended",
        `${operation.name}: the token ${caller.origin} expired or was revoked during the call.`,
      );
    // The token was checked before the body arrived, which may have taken long.
    if (!holds(caller)) return ended();
    let outcome: Outcome;
    try {
      outcome = { value: await operation.run(bus, args as never, call) };
    } catch (error) {
      outcome = failed("failed", `${operation.name}: ${this.#sentenceOf(operation, error)}`);
    }
    return holds(caller) ? outcome : ended();
  }

  #sentenceOf(operation: Operation, error: unknown): string {
    if (error instanceof BusError) return error.message;
    this.#options.log.unexpected(operation.name, error);
    return "an unexpected error in the bus. Its log has the details.";
  }
}

function failed(kind: Failure["kind"], reason: string): Outcome {
  return { refusal: { kind, reason } };
}

function unknownTool(name: unknown): string {
  return `Unknown tool: ${beginning(textOf(name), 100)}`;
}
