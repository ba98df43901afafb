import { PROCESS_HEADER, version } from "../config/client.ts";
import type { Json } from "../lib/json.ts";
import { answerIn, type Posted } from "./answer.ts";
import { readAnswer } from "./read_answer.ts";
import { send } from "./send.ts";

export interface PostOptions {
  /** The Bearer credential. */
  token: string | undefined;
  timeoutMs: number;
  /** Accepts an event stream too, which stays alive while the bus waits. */
  streams?: boolean | undefined;
  redirect?: "manual";
  /** The process of a command in a terminal. It makes the call by TCP, whose sockets the bus can tell apart. */
  pid?: number | undefined;
  /** Calls an operation of another door, at its own path beside `/mcp`. By TCP too, so that the bus can see who asks. */
  api?: boolean | undefined;
}

/**
 * One `tools/call`, with no handshake before it.
 * @throws NotOurs if the port belongs to another user, or the error of `fetch` when there is no answer.
 */
export async function postCall(url: URL, tool: string, args: Json, options: PostOptions): Promise<Posted> {
  const { token, timeoutMs, streams, redirect, pid, api } = options;
  const request: RequestInit = {
    method: "POST",
    headers: {
      ...headersOf(token),
      ...(streams && { accept: "application/json, text/event-stream" }),
      "content-type": "application/json",
      ...(pid !== undefined && { [PROCESS_HEADER]: String(pid) }),
    },
    body: JSON.stringify(
      api === true
        ? args
        : { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: tool, arguments: args } },
    ),
    ...(redirect && { redirect }),
    signal: AbortSignal.timeout(timeoutMs),
  };
  const target = api === true ? new URL(`api/${tool}`, url) : url;
  const response = await send(target, request, pid === undefined && api !== true);
  const text = await readAnswer(response);
  const answer =
    api === true && response.ok ? { result: { structuredContent: resultIn(text) } } : answerIn(text);
  return { status: response.status, text, answer };
}

/** The headers of every request to a bus. */
export function headersOf(token: string | undefined): Record<string, string> {
  return {
    accept: "application/json",
    "user-agent": `agent-event-bus/${version}`,
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
  };
}

/** A list arrives as it does by MCP. */
function resultIn(text: string): Json {
  const value: Json | Json[] = JSON.parse(text);
  return Array.isArray(value) ? { result: value } : value;
}
