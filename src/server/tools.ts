import { ErrorCode, type JSONRPCRequest, McpError } from "@modelcontextprotocol/sdk/types.js";
import type { Bus, Call } from "../bus/bus.ts";
import { BusError } from "../bus/bus.ts";
import type { Caller } from "../bus/caller.ts";
import type { Json, Operation } from "../operation.ts";
import { failure, type ToolResult, toolResult } from "./answer.ts";
import { type CallLog, describeCall, textOf } from "./calls.ts";
import { checker } from "./schema.ts";

/** Runs a `tools/call`. What goes wrong with the tool is a result; throws McpError when there is no such tool. */
export type CallTool = (params: JSONRPCRequest["params"], call: Call) => Promise<ToolResult>;

export interface ToolOptions {
  bus: Bus;
  operations: readonly Operation[];
  calls: CallLog;
  holds(caller: Caller): boolean;
}

/**
 * The transport hands calls over directly, past the SDK: that would parse each message four times and keep a controller,
 * three closures and five promises for each call, which takes longer than a publish does.
 */
export function createCallTool({ bus, operations, calls, holds }: ToolOptions): CallTool {
  const byName = new Map(
    operations.map((operation) => [operation.name, { operation, check: checker(operation, bus.limits) }]),
  );
  return async (params, call) => {
    const { name, arguments: args } = (params ?? {}) as { name?: unknown; arguments?: unknown };
    const tool = typeof name === "string" ? byName.get(name) : undefined;
    if (tool === undefined)
      throw new McpError(ErrorCode.InvalidParams, `Unknown tool: ${textOf(name).slice(0, 100)}`);
    const began = performance.now();
    const checked = tool.check(args ?? {});
    const { caller } = call;
    let result =
      "problem" in checked
        ? failure(checked.problem)
        : await run(tool.operation, bus, checked.args, call, calls);
    if (!holds(caller)) result = failure(`${name}: the token ${caller.origin} ended while the call ran.`);
    calls.log(describeCall(tool.operation, args, result, caller, performance.now() - began));
    if (result.structuredContent?.session_deleted === true)
      calls.deleted(tool.operation.name, result.structuredContent);
    return result;
  };
}

async function run(
  operation: Operation,
  bus: Bus,
  args: Json,
  call: Call,
  calls: CallLog,
): Promise<ToolResult> {
  try {
    return toolResult(await operation.run(bus, args as never, call));
  } catch (error) {
    if (error instanceof BusError) return failure(`${operation.name}: ${error.message}`);
    calls.unexpected(operation.name, error);
    return failure(`${operation.name}: an unexpected error inside the bus; its log says more.`);
  }
}
