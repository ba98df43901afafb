import { ErrorCode, type JSONRPCMessage } from "@modelcontextprotocol/sdk/types.js";
import { around, type Parts } from "../../lib/chunks.ts";
import type { Json } from "../../lib/json.ts";
import { writtenList } from "../../lib/json_memo.ts";
import type { Outcome } from "../../operations/outcome.ts";

type Id = string | number;

/** The answer to a `tools/call`. A tool that failed is a result, a tool that does not exist is an error. */
export function callAnswer(id: Id, outcome: Outcome): Parts {
  if ("value" in outcome) return resultMessage(id, valueResult(outcome.value));
  const { kind, reason } = outcome.refusal;
  if (kind !== "unknown") return resultMessage(id, failureResult(reason));
  const code = ErrorCode.InvalidParams;
  return errorMessage(id, { code, message: `MCP error ${code}: ${reason}` });
}

export function errorMessage(id: Id, error: { code: number; message: string }): string {
  return JSON.stringify({ jsonrpc: "2.0", id, error } satisfies JSONRPCMessage);
}

function resultMessage(id: Id, result: Parts): Parts {
  return around('{"result":', result, `,"jsonrpc":"2.0","id":${JSON.stringify(id)}}`);
}

function failureResult(reason: string): string {
  return JSON.stringify({ content: [{ type: "text", text: reason }], isError: true });
}

/** A value stands in its CallToolResult twice, as text and structured. Both come from one serialization. */
function valueResult(value: Json | Json[]): Parts {
  if (Array.isArray(value)) {
    const json = JSON.stringify(value);
    return callResult(JSON.stringify(json), `{"result":${json}}`);
  }
  if (Array.isArray(value.events)) return withEvents(value.events, value);
  const json = JSON.stringify(value);
  return callResult(JSON.stringify(json), json);
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
