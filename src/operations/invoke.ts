import { ErrorCode, type JSONRPCRequest, McpError } from "@modelcontextprotocol/sdk/types.js";
import type { Caller } from "../domain/caller.ts";
import type { Bus, Call } from "../domain/context.ts";
import { BusError } from "../domain/context.ts";
import { errorMessage, failure, resultMessage, type ToolResult, toolResult } from "../http/mcp/result.ts";
import type { Parts } from "../lib/chunks.ts";
import { type CallLog, describeCall, textOf } from "./call_log.ts";
import type { Operation } from "./operation.ts";
import { checker } from "./schema.ts";

/** A call that was not answered yet. */
export interface OpenCall extends Omit<Call, "holds"> {
  /** The id that its client gave it. */
  clientId: string | number;
  answer(message: Parts): void;
}

/** Runs a `tools/call` and answers it. What goes wrong with the tool is a result; that there is none, an error. */
export type CallTool = (params: JSONRPCRequest["params"], call: OpenCall) => Promise<void>;

export interface ToolOptions {
  bus: Bus;
  operations: readonly Operation[];
  calls: CallLog;
  /** False once the token of a caller that was let in is revoked or expired. */
  holds(caller: Caller): boolean;
}

const UNEXPECTED = "an unexpected error inside the bus; its log says more.";

/**
 * The transport hands calls over directly, past the SDK: that would parse each message four times and keep a controller,
 * three closures and five promises for each call, which takes longer than a publish does.
 */
export function createCallTool({ bus, operations, calls, holds }: ToolOptions): CallTool {
  const byName = new Map(
    operations.map((operation) => [operation.name, { operation, check: checker(operation, bus.limits) }]),
  );
  return async (params, call) => {
    const { clientId, caller } = call;
    try {
      const { name, arguments: args } = (params ?? {}) as { name?: unknown; arguments?: unknown };
      const tool = typeof name === "string" ? byName.get(name) : undefined;
      if (tool === undefined) {
        const text = `Unknown tool: ${textOf(name).slice(0, 100)}`;
        const { code, message } = new McpError(ErrorCode.InvalidParams, text);
        call.answer(errorMessage(clientId, { code, message }));
        return;
      }
      const began = performance.now();
      const { operation, check } = tool;
      const checked = check(args ?? {});
      const result =
        "problem" in checked ? failure(checked.problem) : await outcome(operation, checked.args, call);
      const { structured, problem } = result;
      const ms = performance.now() - began;
      calls.log(() => describeCall(operation, args, { structured, problem }, caller, ms));
      if (structured?.session_deleted === true) calls.deleted(operation.name, structured);
      call.answer(resultMessage(clientId, result));
    } catch (error) {
      calls.unexpected("tools/call", error);
      call.answer(errorMessage(clientId, { code: ErrorCode.InternalError, message: UNEXPECTED }));
    }
  };

  async function outcome(operation: Operation, args: unknown, call: OpenCall): Promise<ToolResult> {
    const { caller } = call;
    const ended = () => failure(`${operation.name}: the token ${caller.origin} ended while the call ran.`);
    // The head was checked before the body came, which may have taken long.
    if (!holds(caller)) return ended();
    let result: ToolResult;
    try {
      result = toolResult(await operation.run(bus, args as never, running(call)));
    } catch (error) {
      result = failure(`${operation.name}: ${sentenceOf(operation, error)}`);
    }
    return holds(caller) ? result : ended();
  }

  /** The call as a handler sees it. */
  function running(call: OpenCall): Call {
    return {
      caller: call.caller,
      get signal() {
        return call.signal;
      },
      progress: (elapsed, total) => call.progress(elapsed, total),
      holds: () => holds(call.caller),
    };
  }

  function sentenceOf(operation: Operation, error: unknown): string {
    if (error instanceof BusError) return error.message;
    calls.unexpected(operation.name, error);
    return UNEXPECTED;
  }
}
