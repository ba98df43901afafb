import { type RpcAnswer, rpc } from "./rpc.ts";

/** The MCP revision without a handshake. */
export const MODERN = "2026-07-28";
const KEYS = "io.modelcontextprotocol/";

/** A request of MCP 2026-07-28, to be changed by a test before it is sent. */
export interface ModernRequest {
  body: { jsonrpc: "2.0"; id: string | number; method: string; params: Record<string, unknown> };
  headers: Record<string, string>;
}

/** Key of `_meta` that the protocol defines. */
export const metaKey = (name: string) => KEYS + name;

/** The request as a client sends it that keeps to the specification. */
export function modernRequest(
  method: string,
  params: Record<string, unknown> = {},
  id: string | number = 1,
): ModernRequest {
  const _meta = {
    [metaKey("protocolVersion")]: MODERN,
    [metaKey("clientCapabilities")]: {},
    [metaKey("clientInfo")]: { name: "test", version: "1" },
  };
  const named = params.name ?? params.uri;
  return {
    body: { jsonrpc: "2.0", id, method, params: { ...params, _meta } },
    headers: {
      "mcp-protocol-version": MODERN,
      "mcp-method": method,
      ...(typeof named === "string" && { "mcp-name": named }),
    },
  };
}

export function sendModern(url: string, { body, headers }: ModernRequest): Promise<RpcAnswer> {
  return rpc(url, body, headers);
}

/** Sends a request of MCP 2026-07-28 and returns its answer. */
export function askModern(url: string, method: string, params: Record<string, unknown> = {}, id = 1) {
  return sendModern(url, modernRequest(method, params, id));
}

export function callModern(url: string, name: string, args: unknown = {}): Promise<RpcAnswer> {
  return askModern(url, "tools/call", { name, arguments: args });
}
