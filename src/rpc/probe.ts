import { attempt } from "../lib/attempt.ts";
import { beginning } from "../lib/graphemes.ts";
import type { Json } from "../lib/json.ts";
import { isLoopbackUrl } from "../lib/loopback.ts";
import { endpoint } from "./call.ts";
import { certificateProblem, codeOf, Endless, NotOurs, type Told } from "./errors.ts";
import { headersOf, postCall } from "./post.ts";
import { readAnswer } from "./read_answer.ts";
import { send } from "./send.ts";

/** The program that answers at a bus's URL. */
export type Probe =
  | {
      kind: "bus";
      version: string;
      uptimeSeconds: number;
      status: "ok" | "degraded";
      /** Code of the reason why it is degraded. */
      reason?: string;
      /** The same reason as a sentence. */
      detail?: string;
      /** Lead of the bus's clock over this machine's, to about half a second. */
      clockSkewMs: number;
      /** Told while the index of texts is behind. */
      search?: { indexed: number; events: number };
    }
  /** The Python original, whose answer has no version. */
  | { kind: "original" }
  /** A bus that wants a token, or refuses this machine. */
  | { kind: "unauthorized"; sentence: string }
  | { kind: "stranger"; found: string }
  /** A program of another user. Nothing was sent to it. */
  | ({ kind: "foreign"; sentence: string } & Told)
  /** `found` is the sentence without its advice. */
  | { kind: "nobody"; found: string; sentence: string };

const LIMIT_MS = 3_000;

/**
 * Asks /health, which stands beside a bus's MCP URL, for at most 3 s.
 * @throws Unreachable if the URL is not an http(s) URL.
 */
export async function probe(url: string, token: string | undefined): Promise<Probe> {
  const health = new URL("health", endpoint(url));
  try {
    const began = Date.now();
    const signal = AbortSignal.timeout(LIMIT_MS);
    const response = await send(health, { headers: headersOf(token), redirect: "manual", signal });
    const ended = Date.now();
    return judge(response, await readAnswer(response), (began + ended) / 2);
  } catch (error) {
    if (error instanceof NotOurs) return { kind: "foreign", sentence: error.message, ...error.told };
    if (error instanceof Endless) return { kind: "stranger", found: error.message };
    return { kind: "nobody", ...absence(health, error) };
  }
}

/**
 * Calls a tool as a session would, for at most 3 s. Returns the reason of a refusal. Status 0 means no answer.
 * @throws Unreachable if the URL is not an http(s) URL.
 */
export async function tryTool(
  url: string,
  token: string | undefined,
  name: string,
  args: Json = {},
): Promise<{ ok: true; value: Json | undefined } | { status: number; reason: string }> {
  const target = endpoint(url);
  try {
    const options = { token, timeoutMs: LIMIT_MS, redirect: "manual" } as const;
    const { status, text, answer } = await postCall(target, name, args, options);
    const { result, error } = answer ?? {};
    if (result !== undefined && !result.isError) return { ok: true, value: result.structuredContent };
    return { status, reason: result?.content?.[0]?.text ?? error?.message ?? start(text) };
  } catch (error) {
    return { status: 0, reason: absence(target, error).sentence };
  }
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
      ...(body.search !== undefined && { search: body.search as { indexed: number; events: number } }),
    };
  const reason = reasonIn(body);
  // 421: the bus does not answer to that name.
  if ([401, 403, 421].includes(status) && reason !== undefined)
    return { kind: "unauthorized", sentence: sentence(reason) };
  const to = headers.get("location");
  return {
    kind: "stranger",
    found: `HTTP ${status}${to === null ? start(text, ": ") : `, redirected to ${to}`}`,
  };
}

/** Adds half a second, because a Date header has whole seconds. */
function skew(date: string | null, asked: number): number {
  const told = Date.parse(date ?? "");
  return Number.isNaN(told) ? 0 : Math.round(told + 500 - asked);
}

function objectIn(text: string): Json | undefined {
  const value: unknown = attempt(() => JSON.parse(text));
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : undefined;
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
  const words = beginning(text.replace(/\s+/g, " ").trim(), 80);
  return words === "" ? "" : before + words;
}

/** The reason why there was no answer, alone and with its remedy. */
function absence(url: URL, error: unknown): { found: string; sentence: string } {
  if (error instanceof NotOurs) return { found: error.message, sentence: error.message };
  const [found, advice] = explained(url, error);
  return { found, sentence: `${found} ${advice}` };
}

function explained(url: URL, error: unknown): [string, string] {
  const { hostname, host, port, protocol, href } = url;
  const { name, message, cause } = error as Error & { cause?: { message?: string } };
  const why = codeOf(error);
  if (error instanceof Endless) return [`${host} answers with ${message}.`, "Check the URL."];
  const at = port === "" ? `${host}:${protocol === "https:" ? 443 : 80}` : host;
  const isHere = isLoopbackUrl(href);
  const there =
    "Check the URL, that the bus is running there, and that it listens for other machines (install server --host).";
  if (name === "TimeoutError")
    return [
      `${at} did not answer within ${LIMIT_MS / 1000} s.`,
      isHere
        ? "Restart the bus with: agent-event-bus restart"
        : "Check the address and any firewalls in between.",
    ];
  if (/ENOTFOUND|EAI_AGAIN/.test(why))
    return [`The host name "${hostname}" was not found.`, "Check the name in the URL."];
  if (/ECONNREFUSED|EHOSTUNREACH|ENETUNREACH/.test(why))
    return [`Nothing is listening at ${at}.`, isHere ? "Start the bus with: agent-event-bus start" : there];
  const untrusted = certificateProblem(url, why);
  if (untrusted !== null) return untrusted;
  if (/EPROTO|SSL/.test(why)) return [`${at} does not speak TLS.`, "Try the URL with http:// in front."];
  return [
    `${at} did not answer like a web server (${why || (cause?.message ?? message)}).`,
    "Check the URL.",
  ];
}
