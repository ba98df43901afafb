import { keptToken as tokenOfThisMachine } from "../config/client.ts";
import type { Json } from "../lib/json.ts";
import { isLoopback } from "../lib/loopback.ts";
import { type Posted, resultOf, UNAUTHORIZED } from "./answer.ts";
import { certificateProblem, codeOf, Endless, NotOurs, Unreachable } from "./errors.ts";
import { type PostOptions, postCall } from "./post.ts";

export interface Bus {
  url: string;
  token: string | undefined;
  /** Reads this machine's token, for a bus elsewhere and for one here that asks for a token. */
  keptToken?: () => string | undefined;
  /** Accepts an event stream too. */
  streams?: boolean;
  /** The process of a command in a terminal. */
  pid?: number | undefined;
  /** Calls operations of another door than MCP. */
  api?: boolean;
}

/**
 * Calls a tool and returns its result.
 * @throws Refused if the bus refuses the call.
 * @throws Unreachable if no bus answers within the time.
 */
export type Call = (tool: string, args: Json, timeoutMs: number) => Promise<Json>;

/**
 * The calls of one bus.
 * @throws Unreachable if the URL is not an http(s) URL.
 */
export function createCall({ url, token, keptToken = tokenOfThisMachine, streams, pid, api }: Bus): Call {
  const target = endpoint(url);
  const near = isLoopback(target.hostname);
  let bearer = token ?? (near ? undefined : keptToken());
  return async (tool, args, timeoutMs) => {
    const attempt = () =>
      post(target, tool, args, { token: bearer, timeoutMs, streams, api, pid: near ? pid : undefined });
    let posted = await attempt();
    if (posted.status === UNAUTHORIZED && bearer === undefined) {
      bearer = keptToken();
      if (bearer !== undefined) posted = await attempt();
    }
    return resultOf(target, posted);
  };
}

/**
 * The MCP endpoint of a bus URL. A bare host means `/mcp` there.
 * @throws Unreachable if it is not an http(s) URL.
 */
export function endpoint(text: string): URL {
  const url = URL.parse(text);
  if (url === null || (url.protocol !== "http:" && url.protocol !== "https:"))
    throw new Unreachable(
      `"${text}" is not a bus URL. Give one like http://127.0.0.1:8080/mcp (--url or AGENT_EVENT_BUS_URL).`,
    );
  if (url.port === "0")
    throw new Unreachable(
      `"${text}" has the port 0, at which nothing can be reached. Give the port of the bus (--url or AGENT_EVENT_BUS_URL).`,
    );
  if (url.pathname === "/") url.pathname = "/mcp";
  return url;
}

/** A POST whose failure is told in a sentence. */
async function post(url: URL, tool: string, args: Json, options: PostOptions): Promise<Posted> {
  try {
    return await postCall(url, tool, args, options);
  } catch (error) {
    if (error instanceof NotOurs) throw error;
    if (error instanceof Endless)
      throw new Unreachable(
        `The server at ${url} answers with ${error.message}. Ask a bus for less, or check the URL.`,
      );
    if (error instanceof Error && error.name === "TimeoutError")
      throw new Unreachable(`The bus at ${url} did not answer within ${options.timeoutMs} ms.`, {
        cause: error,
      });
    const untrusted = certificateProblem(url, codeOf(error));
    if (untrusted !== null) throw new Unreachable(untrusted.join(" "), { cause: error });
    const how = isLoopback(url.hostname)
      ? "Start it with: agent-event-bus start"
      : "Check that it runs there and that this machine can reach it.";
    throw new Unreachable(`No bus at ${url}. ${how}`, { cause: error });
  }
}
