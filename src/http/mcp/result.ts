import { ErrorCode, type JSONRPCMessage, type RequestId } from "@modelcontextprotocol/sdk/types.js";
import { around, type Parts } from "../../lib/chunks.ts";
import type { Json } from "../../lib/json.ts";
import type { Outcome } from "../../operations/outcome.ts";

/** The answer to a `tools/call`. A tool that failed is a result, a tool that does not exist is an error. */
export function callAnswer(id: RequestId, outcome: Outcome): Parts {
  if ("value" in outcome) return resultMessage(id, valueResult(outcome.value));
  const { kind, reason } = outcome.refusal;
  if (kind !== "unknown") return resultMessage(id, failureResult(reason));
  return errorMessage(id, { code: ErrorCode.InvalidParams, message: reason });
}

export function errorMessage(id: RequestId, error: { code: number; message: string }): string {
  return JSON.stringify({ jsonrpc: "2.0", id, error } satisfies JSONRPCMessage);
}

function resultMessage(id: RequestId, result: Parts): Parts {
  return around('{"result":', result, `,"jsonrpc":"2.0","id":${JSON.stringify(id)}}`);
}

function failureResult(reason: string): string {
  return JSON.stringify({ content: [{ type: "text", text: reason }], isError: true });
}

/** A value stands in its CallToolResult twice, as text and structured. Both come from one serialization. */
function valueResult(value: Json | Json[]): Parts {
  if (!Array.isArray(value) && Array.isArray(value.events)) return withEvents(value.events, value);
  const json = JSON.stringify(value);
  return callResult(json, Array.isArray(value) ? `{"result":${json}}` : json);
}

function callResult(json: string, structured = json): string {
  return `{"content":[{"type":"text","text":${JSON.stringify(json)}}],"structuredContent":${structured}}`;
}

/** A result with a list of events. `others` is what surrounds the list, as JSON. */
interface Kept {
  list: readonly Json[];
  others: string;
  /** In UTF-8 once it was asked for again. */
  result: string | Uint8Array;
}

const MOST_KEPT = 16;
/** Longer results are not kept (characters). */
const MOST_CHARACTERS = 128 * 1024;

let kept: readonly Kept[] = [];

// Hot path: several clients read one page. Stored events are the same objects in every page, and they never change.
function withEvents(list: Json[], { events, ...rest }: Json): Parts {
  const others = JSON.stringify(rest);
  const known = kept.find((one) => one.others === others && isSame(one.list, list));
  if (known !== undefined) {
    if (typeof known.result === "string") known.result = Buffer.from(known.result);
    return [known.result];
  }
  const result = callResult(JSON.stringify({ events, ...rest }));
  if (result.length <= MOST_CHARACTERS) kept = [{ list, others, result }, ...kept.slice(0, MOST_KEPT - 1)];
  return result;
}

function isSame(one: readonly Json[], other: readonly Json[]): boolean {
  return one.length === other.length && one.every((event, i) => event === other[i]);
}
