import { version } from "../config/client.ts";
import type { Json } from "../lib/json.ts";
import { isLoopbackUrl } from "../lib/loopback.ts";
import { endpoint } from "./call.ts";
import { NotOurs, send, type Told } from "./send.ts";

/** What answers at a bus's URL. */
export type Probe =
  | {
      kind: "bus";
      version: string;
      uptimeSeconds: number;
      status: "ok" | "degraded";
      /** Why it is degraded: a code, and a sentence. */
      reason?: string;
      detail?: string;
      /** How far the bus's clock is ahead of this machine's, to about half a second. */
      clockSkewMs: number;
    }
  /** The Python original, which tells no version. */
  | { kind: "original" }
  /** A bus that wants a token, or another one, or does not take this machine's requests. */
  | { kind: "unauthorized"; sentence: string }
  | { kind: "stranger"; found: string }
  /** A program of another user of this machine. Nothing was sent to it. */
  | ({ kind: "foreign"; sentence: string } & Told)
  | { kind: "nobody"; sentence: string };

const LIMIT_MS = 3_000;

/** Asks a bus at its MCP URL (`…/mcp`; /health stands beside it) who it is, for at most 3 s. Throws Unreachable only for what is no http(s) URL. */
export async function probe(url: string, token: string | undefined): Promise<Probe> {
  const health = new URL("health", endpoint(url));
  try {
    const began = Date.now();
    const response = await request(health, { token });
    const ended = Date.now();
    return judge(response, await response.text(), (began + ended) / 2);
  } catch (error) {
    if (error instanceof NotOurs) return { kind: "foreign", sentence: error.message, ...error.told };
    return { kind: "nobody", sentence: absence(health, error) };
  }
}

/** Calls a tool as a session would, for at most 3 s; when it is refused, or nobody answers (status 0), with the reason. */
export async function tryTool(
  url: string,
  token: string | undefined,
  name: string,
  args: Json = {},
): Promise<{ ok: true } | { status: number; reason: string }> {
  const call = { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name, arguments: args } };
  const target = new URL(endpoint(url));
  try {
    const response = await request(target, { token, body: JSON.stringify(call) });
    const text = await response.text();
    const answer = objectIn(text);
    const result = answer?.result as { isError?: boolean; content?: { text?: string }[] } | undefined;
    if (result !== undefined && !result.isError) return { ok: true };
    return { status: response.status, reason: result?.content?.[0]?.text ?? reasonIn(answer) ?? start(text) };
  } catch (error) {
    return { status: 0, reason: absence(target, error) };
  }
}

function request(url: URL, { token, body }: { token: string | undefined; body?: string }): Promise<Response> {
  const headers: Record<string, string> = {
    accept: "application/json",
    "user-agent": `agent-event-bus/${version}`,
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
    ...(body !== undefined && { "content-type": "application/json" }),
  };
  return send(url, {
    method: body === undefined ? "GET" : "POST",
    ...(body !== undefined && { body }),
    headers,
    // A POST does not survive being sent elsewhere.
    redirect: "manual",
    signal: AbortSignal.timeout(LIMIT_MS),
  });
}

function judge({ status, headers }: Response, text: string, asked: number): Probe {
  const body = objectIn(text);
  const ours = body?.service === "agent-event-bus";
  if (ours && typeof body.version !== "string") return { kind: "original" };
  if (ours)
    return {
      kind: "bus",
      version: String(body.version),
      uptimeSeconds: Number(body.uptime_seconds) || 0,
      status: body.status === "ok" ? "ok" : "degraded",
      ...(typeof body.reason === "string" && { reason: body.reason }),
      ...(typeof body.detail === "string" && { detail: body.detail }),
      clockSkewMs: skew(headers.get("date"), asked),
    };
  const reason = reasonIn(body);
  // 421: a bus that is not known by that name.
  if ([401, 403, 421].includes(status) && reason !== undefined)
    return { kind: "unauthorized", sentence: sentence(reason) };
  const to = headers.get("location");
  return {
    kind: "stranger",
    found: `HTTP ${status}${to === null ? start(text, ": ") : `, sent on to ${to}`}`,
  };
}

/** A Date header has whole seconds: half of one is added. */
function skew(date: string | null, asked: number): number {
  const told = Date.parse(date ?? "");
  return Number.isNaN(told) ? 0 : Math.round(told + 500 - asked);
}

function objectIn(text: string): Json | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : undefined;
  } catch {
    return undefined;
  }
}

function reasonIn(body: Json | undefined): string | undefined {
  const error = body?.error as { message?: unknown } | string | undefined;
  const reason = typeof error === "string" ? error : error?.message;
  return typeof reason === "string" ? reason : undefined;
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;
}

function start(text: string, before = ""): string {
  const words = text.replace(/\s+/g, " ").trim().slice(0, 80);
  return words === "" ? "" : before + words;
}

const UNTRUSTED = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER/;

/** Why there was no answer, and what to look at. */
function absence({ hostname, host, port, protocol, href }: URL, error: unknown): string {
  if (error instanceof NotOurs) return error.message;
  const { name, message, code, cause } = error as Error & {
    code?: unknown;
    cause?: { code?: unknown; message?: string };
  };
  const why = typeof code === "string" ? code : String(cause?.code ?? "");
  const at = port === "" ? `${host}:${protocol === "https:" ? 443 : 80}` : host;
  const there = isLoopbackUrl(href)
    ? "Start the bus with: agent-event-bus restart"
    : "Check the URL, that the bus runs there, and that it listens for other machines (install server --host).";
  if (name === "TimeoutError")
    return `${at} did not answer within ${LIMIT_MS / 1000} s. ${isLoopbackUrl(href) ? there : "Check the address, and the firewalls on the way."}`;
  if (/ENOTFOUND|EAI_AGAIN/.test(why))
    return `No machine is called "${hostname}": its address was not found. Check the name in the URL.`;
  if (/ECONNREFUSED|EHOSTUNREACH|ENETUNREACH/.test(why)) return `Nobody listens at ${at}. ${there}`;
  if (UNTRUSTED.test(why))
    return `The certificate of ${at} is not trusted by this machine (${why}). Check the name in the URL, or use a certificate that is.`;
  if (/EPROTO|SSL/.test(why)) return `${at} does not speak TLS. Try the URL with http:// in front.`;
  return `${at} did not answer like a web server (${why || (cause?.message ?? message)}). Check the URL.`;
}
