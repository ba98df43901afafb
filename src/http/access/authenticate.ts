import { type Caller, LOCAL, ORIGINS } from "../../domain/caller.ts";
import { RESERVED } from "../../domain/token.ts";
import { isLoopback } from "../../lib/loopback.ts";
import type { Peer } from "../../runtime/runtime.ts";
import type { TokenStore } from "../../tokens/token_files.ts";
import { isTailnet, wayOf } from "./forwarding.ts";
import type { Refusal } from "./origin.ts";

export interface IdentifyOptions {
  tokens: TokenStore;
  /** The login that owns a tailnet address, as the local tailscaled confirms it; null when it does not. */
  whois(peer: Peer): Promise<string | null>;
  /** When not empty, only these logins. */
  allowedLogins: readonly string[];
  /** Only tokens count, for programs of this machine too. */
  onlyTokens: boolean;
  /** The original's rule: every loopback connection is local, and any peer's login header is believed. */
  trustHeaders: boolean;
  /** Everyone who reaches the port may do everything. */
  open: boolean;
}

const LOGIN = "tailscale-user-login";
const FUNNEL = "tailscale-funnel-request";

/**
 * Finds out who sends a request, or why it is refused (docs/security.md). If a token is sent, only the token counts. Without
 * one a program of this machine is local, and a login counts if tailscaled vouches for it: as the proxy on loopback, or
 * asked about a tailnet address.
 */
export function createIdentify(
  options: IdentifyOptions,
): (request: Request, peer: Peer | undefined) => Caller | Refusal | Promise<Caller | Refusal> {
  const byLogin = (origin: string): Caller | Refusal => {
    const login = origin.toLowerCase();
    if (RESERVED.includes(login)) return { status: 403, reason: `${origin} is an origin that is no login` };
    // A token's name never holds an @, an origin that is a login always does.
    const name = origin.includes("@") ? origin : `${origin}@`;
    return options.allowedLogins.length === 0 || options.allowedLogins.includes(login)
      ? { origin: name, scope: "full", local: false }
      : { status: 403, reason: `the login ${origin} is not in AGENT_EVENT_BUS_ALLOWED_LOGINS` };
  };

  return ({ headers }, peer) => {
    if (headers.has(FUNNEL))
      return { status: 403, reason: "requests from the internet (Tailscale Funnel) are refused" };
    const secret = bearerOf(headers);
    if (secret !== null) return byToken(options.tokens, secret);
    // On a machine that people share, any of them can send what a proxy sends, and connect to its tailnet address.
    if (options.onlyTokens) return needsToken(peer);
    const loopback = peer !== undefined && isLoopback(peer.address);
    const { proxy, served } = wayOf(headers);
    if (loopback && (options.trustHeaders || proxy === undefined)) return LOCAL;
    if (options.open) return { origin: ORIGINS.unverified, scope: "full", local: false };
    const login = options.trustHeaders || (loopback && served) ? headers.get(LOGIN) : null;
    if (login !== null)
      return isOneLogin(login)
        ? byLogin(login)
        : { status: 400, reason: "a request needs exactly one Tailscale-User-Login header, with one login" };
    if (loopback) return needsToken(peer, proxy);
    if (peer === undefined || !isTailnet(peer.address)) return needsToken(peer);
    return options.whois(peer).then((owner) => (owner === null ? needsToken(peer) : byLogin(owner)));
  };
}

function byToken(tokens: TokenStore, secret: string): Caller | Refusal {
  const found = tokens.find(secret);
  if (found?.state === "valid") {
    const { name, scope, hash } = found.token;
    return { origin: name, scope, local: false, token: hash };
  }
  const what =
    found === undefined
      ? "the token is not one of this bus"
      : `the token ${found.token.name} ${found.state === "expired" ? `expired at ${found.token.expires_at}` : "was revoked"}`;
  return {
    status: 401,
    reason: `${what}; make one on the bus's machine with: agent-event-bus token create --name NAME`,
    headers: { "www-authenticate": 'Bearer realm="agent-event-bus", error="invalid_token"' },
  };
}

/** `proxy` is the header that makes a request from loopback another machine's. */
function needsToken(peer: Peer | undefined, proxy?: string): Refusal {
  const because = proxy === undefined ? "" : `, for the header ${proxy.slice(0, 60)} is a proxy's`;
  return {
    status: 401,
    reason: `this bus wants a token from ${peer?.address ?? "here"}${because} (Authorization: Bearer …); make one on the bus's machine with: agent-event-bus token create --name NAME`,
    headers: { "www-authenticate": 'Bearer realm="agent-event-bus"' },
  };
}

/** Null if there is no Bearer credential. Returns "" (matches no token) if it is malformed or repeated. */
function bearerOf(headers: Headers): string | null {
  const authorization = headers.get("authorization");
  if (authorization === null) return null;
  const secret = /^bearer[ \t]+([\x21-\x7e]+)[ \t]*$/i.exec(authorization)?.[1];
  return secret ?? (/(^|,)\s*bearer\b/i.test(authorization) ? "" : null);
}

// Two headers of one name arrive joined by a comma.
function isOneLogin(login: string): boolean {
  return /^[\x21-\x2b\x2d-\x7e]{1,254}$/.test(login);
}
