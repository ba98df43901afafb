/** A refusal before routing: nothing of the request was read but its head. */
export type Refusal = { status: number; reason: string } | null;

export interface GuardOptions {
  /** The address the bus listens on. */
  host: string;
  allowedHosts: readonly string[];
}

const LOOPBACK = ["127.0.0.1", "localhost", "[::1]"];

/**
 * Closes DNS rebinding and cross-site requests (MCP transport security): the Host must be one the bus is known by, an
 * Origin must pass the same list, and a browser may not send from another site.
 */
export function createGuard(options: GuardOptions): (request: Request) => Refusal {
  const known = new Set([...LOOPBACK, bracketed(options.host), ...options.allowedHosts]);
  // Listening on every address, the bus cannot know its names; an address literal can still not be rebound.
  const everywhere = options.host === "0.0.0.0" || options.host === "::";
  const allowed = (hostname: string) => known.has(hostname) || (everywhere && isAddress(hostname));

  return (request) => {
    const host = hostnameOf(request.headers.get("host"));
    if (host === null || !allowed(host))
      return {
        status: 421,
        reason: `this bus does not answer to the host "${host ?? "?"}"; its names are in AGENT_EVENT_BUS_ALLOWED_HOSTS`,
      };
    const origin = request.headers.get("origin");
    if (origin !== null && !(URL.canParse(origin) && allowed(new URL(origin).hostname)))
      return { status: 403, reason: "requests from web pages of other origins are refused" };
    const site = request.headers.get("sec-fetch-site");
    if (site !== null && site !== "none" && site !== "same-origin")
      return { status: 403, reason: "requests from other sites are refused" };
    return null;
  };
}

const FORWARDING = /^(x-forwarded-|x-real-ip$|forwarded$|via$|tailscale-)/i;

/** Whether a request comes from a program of this machine itself, not through a proxy on it. */
export function isLocal(peer: string | undefined, request: Request): boolean {
  if (peer === undefined || !(peer.startsWith("127.") || peer === "::1")) return false;
  return ![...request.headers.keys()].some((name) => FORWARDING.test(name));
}

function bracketed(host: string): string {
  return host.includes(":") && !host.startsWith("[") ? `[${host}]` : host.toLowerCase();
}

function isAddress(hostname: string): boolean {
  return /^\d+\.\d+\.\d+\.\d+$/.test(hostname) || hostname.startsWith("[");
}

function hostnameOf(header: string | null): string | null {
  const match = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{1,5})?$/i.exec(header ?? "");
  return match?.[1]?.toLowerCase() ?? null;
}
