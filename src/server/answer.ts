import type { JSONRPCMessage } from "@modelcontextprotocol/sdk/types.js";
import { type Text, writtenList } from "../bus/written.ts";
import type { Json } from "../operation.ts";
import { around, type Parts } from "./parts.ts";

/** What came of a tool call. */
export interface ToolResult {
  /** Undefined when the call failed. */
  structured?: Json;
  /** Why it failed. */
  problem?: string;
  /** All of it as MCP's CallToolResult, in JSON. */
  json: Parts;
}

/** The result of a tool: it stands in the answer twice, as text and structured, and is written once. */
export function toolResult(result: Json | Json[]): ToolResult {
  if (Array.isArray(result)) {
    const { json, quoted } = asText(result);
    return { structured: { result }, json: `${OPEN}${quoted}${MIDDLE}{"result":${json}}}` };
  }
  if (Array.isArray(result.events)) return { structured: result, json: withEvents(result.events, result) };
  const { json, quoted } = asText(result);
  return { structured: result, json: `${OPEN}${quoted}${MIDDLE}${json}}` };
}

const OPEN = '{"content":[{"type":"text","text":"';
const MIDDLE = '"}],"structuredContent":';

// Whoever reads events mostly reads those that others have just read.
function withEvents(list: Json[], { events: _, ...others }: Json): Parts {
  const events = writtenList(list);
  const rest = asText(others);
  const end = rest.json === "{}" ? ["}", "}"] : [`,${rest.json.slice(1)}`, `,${rest.quoted.slice(1)}`];
  const pieces = [
    `${OPEN}{\\"events\\":[`,
    events.quoted,
    `]${end[1]}${MIDDLE}{"events":[`,
    events.json,
    `]${end[0]}}`,
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

function asText(value: unknown): Text {
  const json = JSON.stringify(value);
  return { json, quoted: JSON.stringify(json).slice(1, -1) };
}
