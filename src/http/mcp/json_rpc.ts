import type { JSONRPCMessage, JSONRPCRequest } from "@modelcontextprotocol/sdk/types.js";
import { invalidRequest } from "../body.ts";
import { hasValidToken } from "./envelope.ts";
import { INTERNAL_ERROR, INVALID_PARAMS } from "./head.ts";

/** The id comes back in each answer and in the ids of its stream's events. */
const ID_CHARACTERS = 1000;

/**
 * Checks the shape of a JSON-RPC message, without its parameters. MCP has no batches since 2025-06-18.
 * @throws BodyError when it is an array or not a message.
 */
export function checkedMessage(value: unknown): JSONRPCMessage {
  if (Array.isArray(value)) throw invalidRequest("batches are not supported. Send one message.");
  if (typeof value !== "object" || value === null) throw invalidRequest("the message is not an object");
  const { jsonrpc, id, method, params } = value as Record<string, unknown>;
  if (jsonrpc !== "2.0") throw invalidRequest('jsonrpc must be "2.0"');
  if (id !== undefined && typeof id !== "string" && !Number.isSafeInteger(id))
    throw invalidRequest("id must be a string or a whole number");
  if (typeof id === "string" && id.length > ID_CHARACTERS)
    throw invalidRequest(`id must have at most ${ID_CHARACTERS} characters`);
  if (method !== undefined ? typeof method !== "string" : !("result" in value || "error" in value))
    throw invalidRequest("method must be a string");
  if (params !== undefined && (typeof params !== "object" || params === null || Array.isArray(params)))
    throw invalidRequest("params must be an object");
  return value as JSONRPCMessage;
}

export const INVALID_META = {
  code: INVALID_PARAMS,
  message: "Invalid params: _meta must be an object, its progressToken a string or a whole number",
};

/** False if the request has a `_meta` that MCP does not allow. */
export function isMetaValid({ params }: JSONRPCRequest): boolean {
  return params?._meta === undefined || hasValidToken(params._meta);
}

/**
 * The request for the SDK, under another id. The SDK never answers a request with further members. A server without tasks
 * has to ignore `task`, which the SDK would refuse.
 */
export function requestFor({ method, params }: JSONRPCRequest, id: number): JSONRPCRequest {
  if (params === undefined) return { jsonrpc: "2.0", id, method };
  const { task: _, ...others } = params;
  return { jsonrpc: "2.0", id, method, params: others };
}

/**
 * Corrects an error of the SDK. Its prefix "MCP error CODE: " goes, because clients add their own. Wrong parameters, which it calls
 * an internal error, get their code.
 */
export function corrected(message: JSONRPCMessage): JSONRPCMessage {
  if (!("error" in message)) return message;
  const { code } = message.error;
  const prefix = `MCP error ${code}: `;
  const text = message.error.message;
  if (text.startsWith(prefix)) return { ...message, error: { code, message: text.slice(prefix.length) } };
  const issues = code === INTERNAL_ERROR ? issuesIn(text) : undefined;
  if (issues === undefined) return message;
  const words = issues.map(({ path, message }) => `${path.join(".")}: ${message}`).join("; ");
  return { ...message, error: { code: INVALID_PARAMS, message: `Invalid params: ${words}` } };
}

function issuesIn(text: string): { path: unknown[]; message: string }[] | undefined {
  try {
    const issues = JSON.parse(text);
    return Array.isArray(issues) && issues.every((issue) => Array.isArray(issue?.path)) ? issues : undefined;
  } catch {
    return undefined;
  }
}
