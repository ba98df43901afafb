// A client whose event stream breaks off waits minutes for its answer, unless it may ask for the stream again (MCP
// 2025-11-25, "Resumability"). Event ids name the call, so that any process of the bus can report it as lost.

import type { RequestId } from "@modelcontextprotocol/sdk/types.js";
import { opening, resumedId } from "../sse.ts";
import { MODERN } from "./envelope.ts";

/** The one revision that has event ids. */
const RESUMABLE = "2025-11-25";

export const LOST = {
  code: -32000,
  message:
    "The connection to the bus was lost before the answer arrived. The bus may have restarted. Repeat a call that only reads or waits. After a write, first check whether it took effect.",
};

const VERSION = "mcp-protocol-version";

/** First bytes of the stream of a call. Empty for revisions whose clients cannot ask for it again. */
export function streamStart(request: Request, id: RequestId): string {
  return request.headers.get(VERSION) === RESUMABLE ? opening(id) : "";
}

/** The id of the call whose stream this request asks for. Undefined if it asks for no stream. */
export function resumedCall(request: Request): RequestId | undefined {
  if (request.method !== "GET" || request.headers.get(VERSION) === MODERN) return undefined;
  const id = resumedId(request);
  return typeof id === "string" || Number.isSafeInteger(id) ? (id as RequestId) : undefined;
}
