import type { JSONRPCMessage, JSONRPCRequest } from "@modelcontextprotocol/sdk/types.js";
import { beginning } from "../../lib/graphemes.ts";
import type { Json } from "../../lib/json.ts";
import { errorResponse, INVALID_PARAMS, type RpcError } from "./head.ts";

/** The revision without a handshake: each request tells its version and the capabilities of its client. */
export const MODERN = "2026-07-28";

export const META_PREFIX = "io.modelcontextprotocol/";
const VERSION_KEY = `${META_PREFIX}protocolVersion`;
const CAPABILITIES_KEY = `${META_PREFIX}clientCapabilities`;
const CLIENT_KEY = `${META_PREFIX}clientInfo`;

const VERSION_HEADER = "MCP-Protocol-Version";
const HEADER_MISMATCH = -32020;
const UNSUPPORTED_VERSION = -32022;

/** The parameter that the header `Mcp-Name` repeats. */
const NAMED_BY: ReadonlyMap<string, string> = new Map([
  ["tools/call", "name"],
  ["resources/read", "uri"],
]);

/** True if the version in the header, or the body of a message, is of the revision without a handshake, or of a later one. */
export function isModern(version: string | null, message: JSONRPCMessage): boolean {
  if (version === MODERN) return true;
  const meta = "params" in message ? message.params?._meta : undefined;
  return isObject(meta) && VERSION_KEY in meta;
}

/** The answer to a request whose envelope or headers are wrong. Null if they fit. Notifications need no envelope. */
export function envelopeProblem(headers: Headers, message: JSONRPCMessage): Response | null {
  if (!("id" in message && "method" in message)) return null;
  const error = errorIn(headers, message);
  return error === null ? null : errorResponse(400, error, message.id);
}

function errorIn(headers: Headers, { method, params = {} }: JSONRPCRequest): RpcError | null {
  const meta = metaProblem(params._meta);
  if (meta !== null) return { code: INVALID_PARAMS, message: `Invalid params: ${meta}` };
  const requested = String(params._meta?.[VERSION_KEY]);
  const version = headerProblem(VERSION_HEADER, headers, requested);
  if (version !== null) return { code: HEADER_MISMATCH, message: version };
  if (requested !== MODERN) {
    const text = `Unsupported protocol version ${beginning(requested, 60)}. Without initialize, the bus speaks ${MODERN}.`;
    return { code: UNSUPPORTED_VERSION, message: text, data: { supported: [MODERN], requested } };
  }
  const named = NAMED_BY.get(method);
  const problem =
    headerProblem("Mcp-Method", headers, method) ??
    (named === undefined ? null : headerProblem("Mcp-Name", headers, params[named]));
  return problem === null ? null : { code: HEADER_MISMATCH, message: problem };
}

function metaProblem(meta: unknown): string | null {
  if (!isObject(meta)) return `_meta must be an object with ${VERSION_KEY} and ${CAPABILITIES_KEY}`;
  if (typeof meta[VERSION_KEY] !== "string") return `${VERSION_KEY} in _meta must be a string`;
  if (!isObject(meta[CAPABILITIES_KEY])) return `${CAPABILITIES_KEY} in _meta must be an object`;
  if (CLIENT_KEY in meta && !isNamed(meta[CLIENT_KEY]))
    return `${CLIENT_KEY} in _meta must have a name and a version`;
  if (!hasValidToken(meta)) return "progressToken in _meta must be a string or a whole number";
  return null;
}

/** True if `_meta` is an object, and its progressToken is absent, a string or a whole number. */
export function hasValidToken(meta: unknown): boolean {
  if (!isObject(meta)) return false;
  const { progressToken } = meta;
  return (
    progressToken === undefined || typeof progressToken === "string" || Number.isSafeInteger(progressToken)
  );
}

function isNamed(client: unknown): boolean {
  return isObject(client) && typeof client.name === "string" && typeof client.version === "string";
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Why a header does not repeat what the body says. Null if it does, or if neither says anything. */
function headerProblem(name: string, headers: Headers, value: unknown): string | null {
  const header = headers.get(name);
  if (header === null)
    return typeof value === "string" ? `The header ${name} is missing. It repeats ${quoted(value)}.` : null;
  if (decoded(header) === value) return null;
  const inBody = typeof value === "string" ? `the body says ${quoted(value)}` : "the body says nothing of it";
  return `The header ${name} is ${quoted(header)}, but ${inBody}.`;
}

function quoted(text: string): string {
  return JSON.stringify(beginning(text, 100));
}

const BASE64 = "=?base64?";
const utf8 = new TextDecoder("utf-8", { fatal: true });

/** A header's value, which is in Base64 if HTTP cannot carry it as it is. Undefined if that is malformed. */
function decoded(header: string): string | undefined {
  if (!header.startsWith(BASE64) || !header.endsWith("?=")) return header;
  const base64 = header.slice(BASE64.length, -2);
  const bytes = Buffer.from(base64, "base64");
  if (bytes.toString("base64") !== base64) return undefined;
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}
