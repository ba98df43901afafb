import type { JSONRPCMessage } from "@modelcontextprotocol/sdk/types.js";
import { written } from "../bus/written.ts";
import type { Json } from "../operation.ts";

export type ToolResult = {
  content: { type: "text"; text: string }[];
  structuredContent?: Json;
  isError?: true;
};

interface Parts {
  json: string;
  quoted: string;
}

const parts = new WeakMap<object, Parts>();

/** The result of a tool: it stands in the answer twice, as text and structured, and is written once. */
export function toolResult(result: Json | Json[]): ToolResult {
  const { json, quoted } = Array.isArray(result) ? writtenValue(result) : writtenResult(result);
  const structuredContent = Array.isArray(result) ? { result } : result;
  const answer: ToolResult = { content: [{ type: "text", text: json }], structuredContent };
  parts.set(answer, { json: Array.isArray(result) ? `{"result":${json}}` : json, quoted });
  return answer;
}

export function failure(text: string): ToolResult {
  return { content: [{ type: "text", text }], isError: true };
}

/** A message as JSON. */
export function messageJson(message: JSONRPCMessage): string {
  const made = "result" in message ? parts.get(message.result) : undefined;
  if (made === undefined || !("result" in message)) return JSON.stringify(message);
  return `{"result":{"content":[{"type":"text","text":"${made.quoted}"}],"structuredContent":${made.json}},"jsonrpc":"2.0","id":${JSON.stringify(message.id)}}`;
}

function writtenValue(value: unknown): Parts {
  const json = JSON.stringify(value);
  return { json, quoted: JSON.stringify(json).slice(1, -1) };
}

// Whoever reads events mostly reads those that others have just read.
function writtenResult(result: Json): Parts {
  if (!Array.isArray(result.events)) return writtenValue(result);
  const events = result.events.map(written);
  const { events: _, ...others } = result;
  const rest = writtenValue(others);
  const [jsons, quoteds] = [events.map(({ json }) => json), events.map(({ quoted }) => quoted)];
  const end = rest.json === "{}" ? ["}", "}"] : [`,${rest.json.slice(1)}`, `,${rest.quoted.slice(1)}`];
  return {
    json: `{"events":[${jsons.join(",")}]${end[0]}`,
    quoted: `{\\"events\\":[${quoteds.join(",")}]${end[1]}`,
  };
}
