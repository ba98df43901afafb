// A client whose event stream breaks off waits for its answer, for minutes, unless it may ask for the stream again
// (MCP 2025-11-25, "Resumability"). Event ids name the call, so that any process of the bus can say that it is lost.

type Id = string | number;

const VERSION = "mcp-protocol-version";
const SINCE = "2025-11-25";
const RETRY_MS = 1_000;
const LONGEST = 1_000;

const LOST = {
  code: -32000,
  message:
    "The connection to the bus was lost, and with it the answer; the bus may have been restarted. A call that only reads or waits can be repeated; after a write, look first whether it took effect.",
};

/** What a stream starts with; nothing for clients that cannot read an event without data. */
export function opening(request: Request, id: Id): string {
  const eventId = encodeURIComponent(JSON.stringify(id));
  const version = request.headers.get(VERSION);
  if (version === null || version < SINCE || eventId.length > LONGEST) return "";
  return `id: ${eventId}\nretry: ${RETRY_MS}\ndata: \n\n`;
}

/** The id of the call whose stream this request asks for; undefined when it asks for none. */
export function resumedCall(request: Request): Id | undefined {
  if (request.method !== "GET") return undefined;
  const eventId = request.headers.get("last-event-id");
  if (eventId === null || eventId.length > LONGEST) return undefined;
  try {
    const id: unknown = JSON.parse(decodeURIComponent(eventId));
    return typeof id === "string" || Number.isSafeInteger(id) ? (id as Id) : undefined;
  } catch {
    return undefined;
  }
}

export function lostAnswer(id: Id): string {
  return JSON.stringify({ jsonrpc: "2.0", id, error: LOST });
}
