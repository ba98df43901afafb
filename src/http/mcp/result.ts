import type { JSONRPCMessage, RequestId } from "@modelcontextprotocol/sdk/types.js";
import { around, type Parts } from "../../lib/chunks.ts";
import type { Json } from "../../lib/json.ts";
import type { Outcome } from "../../operations/outcome.ts";
import { INVALID_PARAMS, type RpcError } from "./head.ts";

/**
 * The answer to a `tools/call`. A tool that failed is a result, a tool that does not exist is an error. `first` begins each result
 * of a revision that wants further fields there, in JSON with a comma at its end.
 */
export function callAnswer(id: RequestId, outcome: Outcome, first = ""): Parts {
  if ("value" in outcome) return resultMessage(id, valueFields(outcome.value), first);
  const { kind, reason } = outcome.refusal;
  if (kind !== "unknown") return resultMessage(id, failureFields(reason), first);
  return errorMessage(id, { code: INVALID_PARAMS, message: reason });
}

export function errorMessage(id: RequestId, error: RpcError): string {
  return JSON.stringify({ jsonrpc: "2.0", id, error } satisfies JSONRPCMessage);
}

/** An answer from the fields of its result in JSON. */
export function resultMessage(id: RequestId, fields: Parts, first: string): Parts {
  return around(`{"result":{${first}`, fields, `},"jsonrpc":"2.0","id":${JSON.stringify(id)}}`);
}

/** The fields of an object in JSON, without its braces. */
export function fieldsOf(result: Json): string {
  return JSON.stringify(result).slice(1, -1);
}

function failureFields(reason: string): string {
  return fieldsOf({ content: [{ type: "text", text: reason }], isError: true });
}

/** A value stands in its CallToolResult twice, as text and structured. Both come from one serialization. */
function valueFields(value: Json | Json[]): Parts {
  if (!Array.isArray(value) && Array.isArray(value.events)) return withEvents(value.events, value);
  const json = JSON.stringify(value);
  return callFields(json, Array.isArray(value) ? `{"result":${json}}` : json);
}

function callFields(json: string, structured = json): string {
  return `"content":[{"type":"text","text":${JSON.stringify(json)}}],"structuredContent":${structured}`;
}

/** A result with a list of events. `others` is what surrounds the list, as JSON. */
interface Kept {
  list: readonly Json[];
  others: string;
  /** The fields of the result. In UTF-8 once they were asked for again. */
  fields: string | Uint8Array;
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
    if (typeof known.fields === "string") known.fields = Buffer.from(known.fields);
    return [known.fields];
  }
  const fields = callFields(JSON.stringify({ events, ...rest }));
  if (fields.length <= MOST_CHARACTERS) kept = [{ list, others, fields }, ...kept.slice(0, MOST_KEPT - 1)];
  return fields;
}

function isSame(one: readonly Json[], other: readonly Json[]): boolean {
  return one.length === other.length && one.every((event, i) => event === other[i]);
}
