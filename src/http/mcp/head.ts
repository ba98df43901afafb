import {
  LATEST_PROTOCOL_VERSION,
  type RequestId,
  SUPPORTED_PROTOCOL_VERSIONS,
} from "@modelcontextprotocol/sdk/types.js";
import type { Refusal } from "../access/refusal.ts";

export function streamsTo(headers: Headers): boolean {
  return headers.get("accept")?.includes("text/event-stream") === true;
}

/** The answer to headers that the endpoint does not take. Null if it takes them. */
export function headProblem(headers: Headers): Response | null {
  const accept = headers.get("accept");
  if (accept !== null && !/application\/(json|\*)|text\/event-stream|\*\/\*/i.test(accept))
    return refuse(406, -32000, "Not acceptable: accept application/json, text/event-stream or both");
  const version = headers.get("mcp-protocol-version");
  if (version !== null && !SUPPORTED_PROTOCOL_VERSIONS.includes(version))
    return refuse(
      400,
      -32000,
      `Bad request: unsupported protocol version ${version} (supported: ${[...SUPPORTED_PROTOCOL_VERSIONS].join(", ")}, newest: ${LATEST_PROTOCOL_VERSION})`,
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
  return Response.json({ jsonrpc: "2.0", error: { code, message }, id }, { status, headers });
}
