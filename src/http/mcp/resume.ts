// A client whose event stream breaks off waits minutes for its answer, unless it may ask for the stream again (MCP
// 2025-11-25, "Resumability"). Event ids name the call, so that any process of the bus can report it as lost.

import type { RequestId } from "@modelcontextprotocol/sdk/types.js";
import { opening, resumedId } from "../sse.ts";

const SINCE = "2025-11-25";

export const LOST = {
  code: -32000,
  message:
    "The connection to the bus was lost before the answer arrived. The bus may have restarted. Repeat a call that only reads or waits. After a write, first check whether it took effect.",
};

/** First bytes of the stream of a call. Empty for clients that cannot read an event without data. */
export function streamStart(request: Request, id: RequestId): string {
  const version = request.headers.get("mcp-protocol-version");
  return version === null || version < SINCE ? "" : opening(id);
}

/** The id of the call whose stream this request asks for. Undefined if it asks for no stream. */
export function resumedCall(request: Request): RequestId | undefined {
  const id = resumedId(request);
  return typeof id === "string" || Number.isSafeInteger(id) ? (id as RequestId) : undefined;
}
