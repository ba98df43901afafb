import type { RequestId } from "@modelcontextprotocol/sdk/types.js";
import type { Json } from "../../lib/json.ts";
import type { Refusal } from "../access/refusal.ts";

/** The revisions with a handshake, the newest first. */
export const REVISIONS = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05", "2024-10-07"];

export const INVALID_PARAMS = -32602;
export const INTERNAL_ERROR = -32603;

/** Error of a JSON-RPC answer. */
export interface RpcError {
  code: number;
  message: string;
  data?: Json;
}

export function streamsTo(headers: Headers): boolean {
  return headers.get("accept")?.includes("text/event-stream") === true;
}

/** The answer to a client that takes no content type of the endpoint. Null if it takes one. */
export function acceptProblem(headers: Headers): Response | null {
  const accept = headers.get("accept");
  if (accept === null || /application\/(json|\*)|text\/event-stream|\*\/\*/i.test(accept)) return null;
  return refuse(406, -32000, "Not acceptable: accept application/json, text/event-stream or both");
}

/** The answer to a header that names none of the revisions with a handshake. Null if it names one, or is absent. */
export function versionProblem(version: string | null): Response | null {
  if (version !== null && !REVISIONS.includes(version))
    return refuse(
      400,
      -32000,
      `Bad request: unsupported protocol version ${version} (supported: ${REVISIONS.join(", ")}, newest: ${REVISIONS[0]})`,
    );
  return null;
}

export function refuseAs({ status, reason, headers }: Refusal, id: RequestId | null): Response {
  return refuse(status, -32000, reason, headers, id);
}

export function refuse(
  status: number,
  code: number,
  message: string,
  headers: Readonly<Record<string, string>> = {},
  id: RequestId | null = null,
): Response {
  return errorResponse(status, { code, message }, id, headers);
}

export function errorResponse(
  status: number,
  error: RpcError,
  id: RequestId | null,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return Response.json({ jsonrpc: "2.0", error, id }, { status, headers });
}
