import type { JSONRPCMessage } from "@modelcontextprotocol/sdk/types.js";
import { around, type Parts } from "../../lib/chunks.ts";
import type { Json } from "../../lib/json.ts";
import { writtenList } from "../../lib/json_memo.ts";

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

/** Longer ones are not worth their memory, characters. */
const MOST_KEPT = 128 * 1024;

/** The result that a list of events was given with, in UTF-8 when it was asked for again. */
const known = new WeakMap<readonly object[], { end: string; result: string | Uint8Array }>();

// Whoever reads events mostly reads those that others have just read: the same list, which does not change.
function withEvents(list: Json[], { events: _, ...others }: Json): Parts {
  const json = JSON.stringify(others).slice(1);
  const end = json === "}" ? json : `,${json}`;
  const kept = known.get(list);
  if (kept?.end === end) {
    if (typeof kept.result === "string") kept.result = Buffer.from(kept.result);
    return [kept.result];
  }
  const events = writtenList(list);
  const text = `"{\\"events\\":[${events.quoted}]${JSON.stringify(end).slice(1)}`;
  const result = callResult(text, `{"events":[${events.json}]${end}`);
  if (result.length <= MOST_KEPT) known.set(list, { end, result });
  return result;
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
