import { keptToken, version } from "../config/client.ts";
import type { Json } from "../lib/json.ts";
import { isLoopbackUrl } from "../lib/loopback.ts";
import { send } from "./send.ts";

/** A call of one tool, as small as it can be: a hook runs at every prompt and every tool use. */
export function createCall({
  url,
  token,
}: {
  url: string;
  token: string | undefined;
}): (tool: string, args: Json, timeoutMs?: number) => Promise<Json> {
  const endpoint = new URL(url);
  if (endpoint.pathname === "/") endpoint.pathname = "/mcp";
  const local = isLoopbackUrl(url);
  let bearer = token ?? (local ? undefined : keptToken());
  const post = (body: string, timeoutMs: number) =>
    send(endpoint, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        accept: "application/json",
        "user-agent": `agent-event-bus/${version}`,
        ...(bearer !== undefined && { authorization: `Bearer ${bearer}` }),
      },
      body,
      signal: AbortSignal.timeout(timeoutMs),
    });
  return async (name, args, timeoutMs = 5_000) => {
    const body = JSON.stringify({
      jsonrpc: "2.0",
      id: 1,
      method: "tools/call",
      params: { name, arguments: args },
    });
    let response = await post(body, timeoutMs);
    if (response.status === 401 && bearer === undefined) {
      bearer = keptToken();
      if (bearer !== undefined) response = await post(body, timeoutMs);
    }
    const answer = (await response.json()) as { result?: { structuredContent?: Json; isError?: boolean } };
    if (answer.result?.structuredContent === undefined) throw new Refusal(response.status);
    return answer.result.structuredContent;
  };
}

/** The bus answered, but not with a result: asking again will not help soon. */
export class Refusal extends Error {
  readonly status: number;
  constructor(status: number) {
    super(`the bus refused with HTTP ${status}`);
    this.name = "Refusal";
    this.status = status;
  }
}
