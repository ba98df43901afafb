import { ErrorCode, type JSONRPCMessage } from "@modelcontextprotocol/sdk/types.js";
import type { Json } from "../../lib/json.ts";
import { writtenList } from "../../lib/json_memo.ts";
import type { Outcome } from "../../operations/outcome.ts";

type Id = string | number;

/** The answer to a `tools/call`. A tool that failed is a result, a tool that does not exist is an error. */
export function callAnswer(id: Id, outcome: Outcome): string {
  if ("value" in outcome) return resultMessage(id, valueResult(outcome.value));
  const { kind, reason } = outcome.refusal;
  if (kind !== "unknown")
    return resultMessage(id, JSON.stringify({ content: [{ type: "text", text: reason }], isError: true }));
  const code = ErrorCode.InvalidParams;
  return errorMessage(id, { code, message: `MCP error ${code}: ${reason}` });
}

export function errorMessage(id: Id, error: { code: number; message: string }): string {
  return JSON.stringify({ jsonrpc: "2.0", id, error } satisfies JSONRPCMessage);
}

function resultMessage(id: Id, result: string): string {
  return `{"result":${result},"jsonrpc":"2.0","id":${JSON.stringify(id)}}`;
}

/** A value stands in its CallToolResult twice, as text and structured. Both come from one serialization. */
function valueResult(value: Json | Json[]): string {
  if (!Array.isArray(value) && Array.isArray(value.events)) return eventsResult(value.events, value);
  const json = JSON.stringify(value);
  return callResult(JSON.stringify(json), Array.isArray(value) ? `{"result":${json}}` : json);
}

function callResult(text: string, structured: string): string {
  return `{"content":[{"type":"text","text":${text}}],"structuredContent":${structured}}`;
}

/** Hot path: an event is serialized once for all its readers. */
function eventsResult(list: Json[], { events: _, ...others }: Json): string {
  const json = JSON.stringify(others).slice(1);
  const end = json === "}" ? json : `,${json}`;
  const events = writtenList(list);
  const text = `"{\\"events\\":[${events.quoted}]${JSON.stringify(end).slice(1)}`;
  return callResult(text, `{"events":[${events.json}]${end}`);
}
