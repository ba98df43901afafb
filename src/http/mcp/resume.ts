// A client whose event stream breaks off waits for its answer, for minutes, unless it may ask for the stream again
// (MCP 2025-11-25, "Resumability"). Event ids name the call, so that any process of the bus can say that it is lost.

import { opening, resumedId } from "../sse.ts";

type Id = string | number;

const SINCE = "2025-11-25";

const LOST = {
  code: -32000,
  message:
    "The connection to the bus was lost, and with it the answer; the bus may have been restarted. A call that only reads or waits can be repeated; after a write, look first whether it took effect.",
};

/** First bytes of the stream of a call; empty for clients that cannot read an event without data. */
export function streamStart(request: Request, id: Id): string {
  const version = request.headers.get("mcp-protocol-version");
  return version === null || version < SINCE ? "" : opening(id);
}

/** The id of the call whose stream this request asks for; undefined if it asks for none. */
export function resumedCall(request: Request): Id | undefined {
  const id = resumedId(request);
  return typeof id === "string" || Number.isSafeInteger(id) ? (id as Id) : undefined;
}

export function lostAnswer(id: Id): string {
  return JSON.stringify({ jsonrpc: "2.0", id, error: LOST });
}
