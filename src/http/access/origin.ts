import { isLoopback } from "../../lib/loopback.ts";
import type { BodyKind } from "../body.ts";

/** Why a request is refused after reading its head. */
export interface Refusal {
  status: number;
  reason: string;
  headers?: Readonly<Record<string, string>>;
}

export interface HeadOptions {
  /** The address the bus listens on. */
  host: string;
  /** This machine's name; it counts when the bus listens for other machines. */
  machine: string;
  allowedHosts: readonly string[];
}

interface Head {
  method: string;
  headers: Headers;
  body: BodyKind;
}

/** Returns null if the rule has no objection. */
export type HeadRule = (options: HeadOptions) => (head: Head) => Refusal | null;

/**
 * Closes DNS rebinding and cross-site requests (MCP transport security). The first rule with an objection decides. A JSON
 * body is one that a web page can send only after asking first.
 */
export const HEAD_RULES: readonly HeadRule[] = [oneHost, knownHost, ownPage, ownSite, rightType];

export function createHeadCheck(
  options: HeadOptions,
  rules = HEAD_RULES,
): (request: Request, body?: BodyKind) => Refusal | null {
  const checks = rules.map((rule) => rule(options));
  return ({ method, headers }, body = "json") => {
    const head = { method, headers, body };
    for (const check of checks) {
      const refusal = check(head);
      if (refusal !== null) return refusal;
    }
    return null;
  };
}

function oneHost(): ReturnType<HeadRule> {
  return ({ headers }) =>
    hostnameOf(headers.get("host")) === null
      ? { status: 400, reason: "a request needs exactly one Host header, a name or an address" }
      : null;
}

function knownHost(options: HeadOptions): ReturnType<HeadRule> {
  const known = createKnown(options);
  return ({ headers }) => {
    const host = hostnameOf(headers.get("host"));
    if (host !== null && known(host)) return null;
    const reason = `this bus does not answer to the host "${host}"; its further names are in AGENT_EVENT_BUS_ALLOWED_HOSTS`;
    return { status: 421, reason };
  };
}

function ownPage(options: HeadOptions): ReturnType<HeadRule> {
  const known = createKnown(options);
  return ({ headers }) => {
    const origin = headers.get("origin");
    return origin === null || isPageOf(origin, known)
      ? null
      : { status: 403, reason: "requests from web pages of other origins are refused" };
  };
}

function ownSite(): ReturnType<HeadRule> {
  return ({ headers }) => {
    const site = headers.get("sec-fetch-site");
    return site === null || site === "none" || site === "same-origin"
      ? null
      : { status: 403, reason: "requests from other sites are refused" };
  };
}

function rightType(): ReturnType<HeadRule> {
  return ({ method, headers, body }) =>
    method !== "POST" || body === "none" || isJson(headers.get("content-type"))
      ? null
      : { status: 415, reason: "the body must be application/json" };
}

/** Other names of loopback are not among them: some resolvers ask the network for `x.localhost` and `localhost.`. */
const NAMES = ["127.0.0.1", "localhost", "[::1]"];

/** Tells whether a host name is one of the bus's own. */
function createKnown({ host, machine, allowedHosts }: HeadOptions): (hostname: string) => boolean {
  const own = spellingsOf(host);
  const names = new Set([...NAMES, ...own, ...allowedHosts]);
  if (!isLoopback(host)) names.add(machine.toLowerCase());
  // Listening on every address, the bus cannot know its names; an address literal can still not be rebound.
  const everywhere = own.includes("0.0.0.0") || own.includes("[::]");
  return (hostname) => names.has(hostname) || (everywhere && isAddress(hostname));
}

// Extensions and apps name their pages as they like, for example tauri://localhost.
function isPageOf(origin: string, known: (hostname: string) => boolean): boolean {
  return /^https?:/i.test(origin) && URL.canParse(origin) && known(new URL(origin).hostname);
}

function isJson(type: string | null): boolean {
  return type === "application/json" || type?.split(";")[0]?.trim().toLowerCase() === "application/json";
}

/** As it was set, and as clients write it: they shorten IPv6. */
function spellingsOf(host: string): string[] {
  const set = (host.includes(":") && !host.startsWith("[") ? `[${host}]` : host).toLowerCase();
  return URL.canParse(`http://${set}`) ? [set, new URL(`http://${set}`).hostname] : [set];
}

function isAddress(hostname: string): boolean {
  return /^\d+\.\d+\.\d+\.\d+$/.test(hostname) || hostname.startsWith("[");
}

function hostnameOf(header: string | null): string | null {
  const match = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{1,5})?$/i.exec(header ?? "");
  return match?.[1]?.toLowerCase() ?? null;
}
