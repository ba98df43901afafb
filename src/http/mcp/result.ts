import type { JSONRPCMessage } from "@modelcontextprotocol/sdk/types.js";
import { around, type Parts } from "../../lib/chunks.ts";
import type { Json } from "../../operations/operation.ts";

/** What came of a tool call. */
export interface ToolResult {
  /** Undefined when the call failed. */
  structured?: Json | undefined;
  /** Why it failed. */
  problem?: string | undefined;
  /** All of it as MCP's CallToolResult, in JSON. */
  json: Parts;
}

/** The result of a tool: it stands in the answer twice, as text and structured, and is written once. */
export function toolResult(result: Json | Json[]): ToolResult {
  if (Array.isArray(result)) {
    const json = JSON.stringify(result);
    return { structured: { result }, json: callResult(JSON.stringify(json), `{"result":${json}}`) };
  }
  if (Array.isArray(result.events)) return { structured: result, json: withEvents(result.events, result) };
  const json = JSON.stringify(result);
  return { structured: result, json: callResult(JSON.stringify(json), json) };
}

function callResult(text: string, structured: string): string {
  return `{"content":[{"type":"text","text":${text}}],"structuredContent":${structured}}`;
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
  const json = JSON.stringify({ events, ...rest });
  const result = callResult(JSON.stringify(json), json);
  if (result.length <= MOST_CHARACTERS) kept = [{ list, others, result }, ...kept.slice(0, MOST_KEPT - 1)];
  return result;
}

function isSame(one: readonly Json[], other: readonly Json[]): boolean {
  return one.length === other.length && one.every((event, i) => event === other[i]);
}

export function failure(problem: string): ToolResult {
  return { problem, json: JSON.stringify({ content: [{ type: "text", text: problem }], isError: true }) };
}

/** The answer to the request `id`. */
export function resultMessage(id: string | number, { json }: ToolResult): Parts {
  return around('{"result":', json, `,"jsonrpc":"2.0","id":${JSON.stringify(id)}}`);
}

export function errorMessage(id: string | number, error: { code: number; message: string }): string {
  return JSON.stringify({ jsonrpc: "2.0", id, error } satisfies JSONRPCMessage);
}
