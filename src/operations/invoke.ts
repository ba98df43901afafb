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
  invokeTool(name: unknown, args: unknown, call: Call): Promise<Outcome> {
    const isHidden = this.#entries.get(name)?.operation.tool === false;
    return isHidden ? Promise.resolve(failed("unknown", unknownTool(name))) : this.invoke(name, args, call);
  }

  /** True for an operation each of whose calls stores an event. */
  appends(name: unknown): boolean {
    return this.#entries.get(name)?.operation.appends === true;
  }

  /** Runs the operation called `name`, which comes unchecked from a client as `args` does. */
  invoke(name: unknown, args: unknown, call: Call): Promise<Outcome> {
    const { caller } = call;
    const full = this.#options.calls.problem(caller);
    if (full !== null)
      return this.#denied(caller, {
        kind: "busy",
        reason: `${full}. Nothing was done. Try again in a second.`,
      });
    const entry = this.#entries.get(name);
    if (entry === undefined) return Promise.resolve(failed("unknown", unknownTool(name)));
    const denial = this.#admit(caller, entry.operation);
    return denial === null ? this.#run(entry, args ?? {}, call) : this.#denied(caller, denial);
  }

  #denied(caller: Caller, denial: Denial): Promise<Outcome> {
    this.#options.log.denied(caller, denial);
    return Promise.resolve({ refusal: denial });
  }

  // Hot path: one asynchronous function for all steps of a call.
  async #run({ operation, check }: Entry, args: unknown, call: Call): Promise<Outcome> {
    const { bus, calls, holds } = this.#options;
    const { caller } = call;
    const began = performance.now();
    let outcome: Outcome;
    calls.add(caller);
    try {
      const checked = check(args);
      if ("problem" in checked) outcome = failed("arguments", checked.problem);
      // The token was checked before the body arrived, which may have taken long.
      else if (!holds(caller)) outcome = ended(operation, caller);
      else {
        const value = await operation.run(bus, checked.args as never, call);
        outcome = holds(caller) ? { value } : ended(operation, caller);
      }
    } catch (error) {
      const reason = `${operation.name}: ${this.#sentenceOf(operation, error)}`;
      outcome = holds(caller) ? failed("failed", reason) : ended(operation, caller);
    } finally {
      calls.give(caller);
    }
    this.#tell(operation, args, outcome, call, performance.now() - began);
    return outcome;
  }

  #tell(operation: Operation, args: unknown, outcome: Outcome, { repeated, caller }: Call, ms: number): void {
    const { log } = this.#options;
    if (repeated !== true || "refusal" in outcome)
      log.call(() => describeCall(operation, args, outcome, caller, ms));
    if ("value" in outcome && !Array.isArray(outcome.value) && outcome.value.session_deleted === true)
      log.deleted(operation.name, outcome.value);
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

function ended({ name }: Operation, { origin }: Caller): Outcome {
  return failed("token_ended", `${name}: the token ${origin} expired or was revoked during the call.`);
}

function unknownTool(name: unknown): string {
  return `Unknown tool: ${beginning(textOf(name), 100)}`;
}
