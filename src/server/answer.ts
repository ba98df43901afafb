import type { JSONRPCMessage } from "@modelcontextprotocol/sdk/types.js";
import { writtenList } from "../bus/written.ts";
import type { Json } from "../operation.ts";
import { around, type Parts } from "./parts.ts";

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

// Whoever reads events mostly reads those that others have just read.
function withEvents(list: Json[], { events: _, ...others }: Json): Parts {
  const events = writtenList(list);
  const json = JSON.stringify(others).slice(1);
  const end = json === "}" ? json : `,${json}`;
  const pieces = [
    '{"content":[{"type":"text","text":"{\\"events\\":[',
    events.quoted,
    `]${JSON.stringify(end).slice(1)}}],"structuredContent":{"events":[`,
    events.json,
    `]${end}}`,
  ];
  return typeof events.json === "string" ? pieces.join("") : pieces;
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
