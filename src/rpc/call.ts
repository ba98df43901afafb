import { version } from "../config/client.ts";
import type { Json } from "../lib/json.ts";
import { isLoopback } from "../lib/loopback.ts";
import { NotOurs, send } from "./send.ts";

/** The bus could not be asked, or did not answer as a bus does. */
export class Unreachable extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = "Unreachable";
  }
}

/** The bus answered that it will not do this. */
export class Refused extends Error {
  readonly hint: string | undefined;
  constructor(message: string, hint?: string) {
    super(message);
    this.name = "Refused";
    this.hint = hint;
  }
}

export interface CallOptions {
  url: string;
  token: string | undefined;
  /** The token of a file; read for a bus elsewhere, and when one on this machine wants a token. */
  keptToken(): string | undefined;
  timeoutMs: number;
}

const UNAUTHORIZED = 401;
const TOKEN_HINT =
  "Then give it to this machine in AGENT_EVENT_BUS_TOKEN, or in the file ~/.claude/contrib/agent-event-bus/token (mode 600).";

interface Answer {
  result?: { structuredContent?: Json; content?: { text?: string }[]; isError?: boolean };
  error?: { message?: string };
}

/** One `tools/call`, with no handshake before it. Throws Unreachable or Refused. */
export async function callTool(name: string, args: Json, options: CallOptions): Promise<Json> {
  const url = target(options.url);
  const request: Request = {
    url,
    local: isLoopback(url.hostname),
    body: JSON.stringify(requestOf(name, args)),
    timeoutMs: options.timeoutMs,
  };
  const token = options.token ?? (request.local ? undefined : options.keptToken());
  let { status, text } = await post(request, token);
  if (status === UNAUTHORIZED && token === undefined) {
    const kept = options.keptToken();
    if (kept !== undefined) ({ status, text } = await post(request, kept));
  }
  const answer = answerIn(text);
  if (answer?.error !== undefined)
    throw new Refused(
      answer.error.message ?? "the bus answered with an error",
      status === UNAUTHORIZED ? TOKEN_HINT : undefined,
    );
  if (answer?.result === undefined) throw notABus(url.href, status, text);
  const { structuredContent, content, isError } = answer.result;
  const words = content?.[0]?.text ?? "";
  if (isError) throw new Refused(words);
  if (structuredContent !== undefined) return structuredContent;
  const parsed = JSON.parse(words);
  return Array.isArray(parsed) ? { result: parsed } : parsed;
}

function requestOf(name: string, args: Json): Json {
  return { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name, arguments: args } };
}

/** The MCP endpoint of a bus URL; a bare host means `/mcp` there. Throws Unreachable when it is no http(s) URL. */
export function endpoint(text: string): string {
  return target(text).href;
}

function target(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== "http:" && url.protocol !== "https:"))
    throw new Unreachable(
      `"${text}" is not a bus URL. Give one like http://127.0.0.1:8080/mcp (--url or AGENT_EVENT_BUS_URL).`,
    );
  if (url.pathname === "/") url.pathname = "/mcp";
  return url;
}

interface Request {
  url: URL;
  /** The bus runs on this machine. */
  local: boolean;
  body: string;
  timeoutMs: number;
}

async function post(
  { url, local, body, timeoutMs }: Request,
  token: string | undefined,
): Promise<{ status: number; text: string }> {
  const headers: Record<string, string> = {
    "content-type": "application/json",
    accept: "application/json, text/event-stream",
    "user-agent": `agent-event-bus/${version}`,
  };
  if (token !== undefined) headers.authorization = `Bearer ${token}`;
  try {
    const signal = AbortSignal.timeout(timeoutMs);
    const response = await send(url, { method: "POST", headers, body, signal });
    return { status: response.status, text: await response.text() };
  } catch (error) {
    throw unreachable(url.href, local, timeoutMs, error);
  }
}

function unreachable(url: string, local: boolean, timeoutMs: number, error: unknown): Unreachable {
  if (error instanceof NotOurs) return new Unreachable(error.message, error);
  if (error instanceof Error && error.name === "TimeoutError")
    return new Unreachable(`The bus at ${url} did not answer within ${timeoutMs} ms.`, error);
  const how = local
    ? "Start it with: agent-event-bus serve"
    : "Check that it runs there and that this machine reaches it.";
  return new Unreachable(`No bus at ${url}. ${how}`, error);
}

// A plain JSON body, or the last answer among the `data:` lines of an event stream.
function answerIn(text: string): Answer | undefined {
  const documents = text.trimStart().startsWith("{") ? [text] : [];
  if (documents.length === 0)
    for (const line of text.split("\n")) if (line.startsWith("data:")) documents.push(line.slice(5));
  for (const document of documents.reverse()) {
    try {
      const message = JSON.parse(document);
      if (message?.result !== undefined || message?.error?.message !== undefined) return message;
      if (typeof message?.error === "string") return { error: { message: message.error } };
    } catch {
      return undefined;
    }
  }
  return undefined;
}

function notABus(url: string, status: number, text: string): Unreachable {
  const start = text.replace(/\s+/g, " ").slice(0, 80);
  return new Unreachable(
    `What answers at ${url} is no agent-event-bus (HTTP ${status}${start === "" ? "" : `: ${start}`}).`,
  );
}
