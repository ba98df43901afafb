import { isLoopback } from "../../lib/loopback.ts";

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

/** Other names of loopback are not among them: some resolvers ask the network for `x.localhost` and `localhost.`. */
const NAMES = ["127.0.0.1", "localhost", "[::1]"];

/**
 * Closes DNS rebinding and cross-site requests (MCP transport security). The Host must be a name of the bus, an Origin too.
 * A browser may not send from another site. A body must be JSON, which a web page can send only after asking first. Null
 * if the head is in order.
 */
export function createHeadCheck(options: HeadOptions): (request: Request) => Refusal | null {
  const open = !isLoopback(options.host);
  const own = spellingsOf(options.host);
  const known = new Set([...NAMES, ...own, ...options.allowedHosts]);
  if (open) known.add(options.machine.toLowerCase());
  // Listening on every address, the bus cannot know its names; an address literal can still not be rebound.
  const everywhere = own.includes("0.0.0.0") || own.includes("[::]");
  const allowed = (hostname: string) => known.has(hostname) || (everywhere && isAddress(hostname));

  const fromElsewhere = (headers: Headers): Refusal | null => {
    const origin = headers.get("origin");
    if (origin !== null && !isPageOf(origin, allowed))
      return { status: 403, reason: "requests from web pages of other origins are refused" };
    const site = headers.get("sec-fetch-site");
    if (site !== null && site !== "none" && site !== "same-origin")
      return { status: 403, reason: "requests from other sites are refused" };
    return null;
  };

  return ({ method, headers }) => {
    const host = hostnameOf(headers.get("host"));
    if (host === null)
      return { status: 400, reason: "a request needs exactly one Host header, a name or an address" };
    if (!allowed(host))
      return {
        status: 421,
        reason: `this bus does not answer to the host "${host}"; its further names are in AGENT_EVENT_BUS_ALLOWED_HOSTS`,
      };
    const refusal = fromElsewhere(headers);
    if (refusal !== null) return refusal;
    if (method === "POST" && !isJson(headers.get("content-type")))
      return { status: 415, reason: "the body must be application/json" };
    return null;
  };
}

// Not every page is of the web: an extension or an app names its pages as it likes, tauri://localhost say.
function isPageOf(origin: string, allowed: (hostname: string) => boolean): boolean {
  return /^https?:/i.test(origin) && URL.canParse(origin) && allowed(new URL(origin).hostname);
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
