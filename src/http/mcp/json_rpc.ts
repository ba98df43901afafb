import {
  ErrorCode,
  isJSONRPCRequest,
  type JSONRPCMessage,
  type JSONRPCRequest,
} from "@modelcontextprotocol/sdk/types.js";
import { BodyError } from "../body.ts";

/**
 * The shape of a JSON-RPC message only; parameters are checked by whoever reads them. An array is refused: MCP has no
 * batches since 2025-06-18. Throws BodyError.
 */
export function checkedMessage(value: unknown): JSONRPCMessage {
  if (Array.isArray(value))
    throw new BodyError(400, -32600, "Invalid request: batches are not supported, send one message");
  if (typeof value !== "object" || value === null)
    throw new BodyError(400, -32600, "Invalid request: not an object");
  const { jsonrpc, id, method, params } = value as Record<string, unknown>;
  if (jsonrpc !== "2.0") throw new BodyError(400, -32600, 'Invalid request: jsonrpc must be "2.0"');
  if (id !== undefined && typeof id !== "string" && !Number.isSafeInteger(id))
    throw new BodyError(400, -32600, "Invalid request: id must be a string or a whole number");
  if (method !== undefined ? typeof method !== "string" : !("result" in value || "error" in value))
    throw new BodyError(400, -32600, "Invalid request: method must be a string");
  if (params !== undefined && (typeof params !== "object" || params === null || Array.isArray(params)))
    throw new BodyError(400, -32600, "Invalid request: params must be an object");
  return value as JSONRPCMessage;
}

export const INVALID_META = {
  code: ErrorCode.InvalidParams,
  message: "Invalid params: _meta must be an object, its progressToken a string or a whole number",
};

/** Whether the `_meta` of a request, if there is one, is as MCP defines it. */
export function isMetaValid({ method, params }: JSONRPCRequest): boolean {
  if (params?._meta === undefined) return true;
  return isJSONRPCRequest({ jsonrpc: "2.0", id: 0, method, params: { _meta: params._meta } });
}

/**
 * The request as the SDK takes it, under another id. It would never answer what has further members, and refuse `task`,
 * which a server without tasks has to ignore.
 */
export function requestFor({ method, params }: JSONRPCRequest, id: number): JSONRPCRequest {
  if (params === undefined) return { jsonrpc: "2.0", id, method };
  const { task: _, ...others } = params;
  return { jsonrpc: "2.0", id, method, params: others };
}

/** An answer with the code for wrong parameters where the SDK says "internal error" and lists what its schema found. */
export function corrected(message: JSONRPCMessage): JSONRPCMessage {
  if (!("error" in message) || message.error.code !== ErrorCode.InternalError) return message;
  const issues = issuesIn(message.error.message);
  if (issues === undefined) return message;
  const words = issues.map(({ path, message }) => `${path.join(".")}: ${message}`).join("; ");
  return { ...message, error: { code: ErrorCode.InvalidParams, message: `Invalid params: ${words}` } };
}

function issuesIn(text: string): { path: unknown[]; message: string }[] | undefined {
  try {
    const issues = JSON.parse(text);
    return Array.isArray(issues) && issues.every((issue) => Array.isArray(issue?.path)) ? issues : undefined;
  } catch {
    return undefined;
  }
}
