import { type Caller, LOCAL, ORIGINS } from "../../domain/caller.ts";
import { RESERVED } from "../../domain/token.ts";
import { isLoopback } from "../../lib/loopback.ts";
import type { Peer } from "../../runtime/runtime.ts";
import type { TokenStore } from "../../tokens/token_files.ts";
import { isTailnet, type Way, wayOf } from "./forwarding.ts";
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

export type Verdict = Caller | Refusal;

/** The head of a request and the connection that it came by. */
class Incoming {
  readonly headers: Headers;
  readonly peer: Peer | undefined;
  readonly loopback: boolean;
  #way: Way | undefined;

  constructor(headers: Headers, peer: Peer | undefined) {
    this.headers = headers;
    this.peer = peer;
    this.loopback = peer !== undefined && isLoopback(peer.address);
  }

  get way(): Way {
    this.#way ??= wayOf(this.headers);
    return this.#way;
  }
}

/** Returns null if the next rule decides. */
export type SenderRule = (
  options: IdentifyOptions,
  byLogin: (login: string) => Verdict,
) => (incoming: Incoming) => Verdict | Promise<Verdict> | null;

/** Returns null if the rule has no objection. */
export type LoginRule = (options: IdentifyOptions) => (login: string) => Refusal | null;

/**
 * Finds the sender of a request (docs/security.md). The first rule that decides ends the search, and without one a token is
 * needed. If a token is sent, only the token counts. A login counts if tailscaled vouches for it, as the proxy on loopback
 * or asked about a tailnet address.
 */
export const SENDER_RULES: readonly SenderRule[] = [
  noFunnel,
  tokenDecides,
  tokensOnly,
  programOfThisMachine,
  openToAll,
  oneLogin,
  loginHeader,
  tailnetOwner,
];

export const LOGIN_RULES: readonly LoginRule[] = [noReservedLogin, allowedLogin];

export function createIdentify(
  options: IdentifyOptions,
  { sender, login: loginRules } = { sender: SENDER_RULES, login: LOGIN_RULES },
): (request: Request, peer: Peer | undefined) => Verdict | Promise<Verdict> {
  const loginChecks = loginRules.map((rule) => rule(options));
  const byLogin = (login: string): Verdict => {
    const refusal = loginChecks.map((check) => check(login)).find((found) => found !== null);
    // A token's name never holds an @, an origin that is a login always does.
    const origin = login.includes("@") ? login : `${login}@`;
    return refusal ?? { origin, scope: "full", local: false };
  };
  const checks = sender.map((rule) => rule(options, byLogin));
  return ({ headers }, peer) => {
    const incoming = new Incoming(headers, peer);
    for (const check of checks) {
      const verdict = check(incoming);
      if (verdict !== null) return verdict;
    }
    return needsToken(peer, incoming.loopback ? incoming.way.proxy : undefined);
  };
}

function noFunnel(): ReturnType<SenderRule> {
  return ({ headers }) =>
    headers.has("tailscale-funnel-request")
      ? { status: 403, reason: "requests from the internet (Tailscale Funnel) are refused" }
      : null;
}

function tokenDecides({ tokens }: IdentifyOptions): ReturnType<SenderRule> {
  return ({ headers }) => {
    const secret = bearerOf(headers);
    return secret === null ? null : byToken(tokens, secret);
  };
}

// On a shared machine any user can send what a proxy sends, and connect to the tailnet address.
function tokensOnly({ onlyTokens }: IdentifyOptions): ReturnType<SenderRule> {
  return ({ peer }) => (onlyTokens ? needsToken(peer) : null);
}

function programOfThisMachine({ trustHeaders }: IdentifyOptions): ReturnType<SenderRule> {
  return (incoming) =>
    incoming.loopback && (trustHeaders || incoming.way.proxy === undefined) ? LOCAL : null;
}

function openToAll({ open }: IdentifyOptions): ReturnType<SenderRule> {
  return () => (open ? { origin: ORIGINS.unverified, scope: "full", local: false } : null);
}

// Two headers of one name arrive joined by a comma.
function oneLogin(options: IdentifyOptions): ReturnType<SenderRule> {
  return (incoming) => {
    const login = sentLogin(incoming, options);
    if (login === null || /^[\x21-\x2b\x2d-\x7e]{1,254}$/.test(login)) return null;
    return { status: 400, reason: "a request needs exactly one Tailscale-User-Login header, with one login" };
  };
}

function loginHeader(options: IdentifyOptions, byLogin: (login: string) => Verdict): ReturnType<SenderRule> {
  return (incoming) => {
    const login = sentLogin(incoming, options);
    return login === null ? null : byLogin(login);
  };
}

function tailnetOwner(
  { whois }: IdentifyOptions,
  byLogin: (login: string) => Verdict,
): ReturnType<SenderRule> {
  return ({ peer }) => {
    if (peer === undefined || !isTailnet(peer.address)) return null;
    return whois(peer).then((owner) => (owner === null ? needsToken(peer) : byLogin(owner)));
  };
}

function noReservedLogin(): ReturnType<LoginRule> {
  return (login) =>
    RESERVED.includes(login.toLowerCase())
      ? { status: 403, reason: `${login} is an origin that is no login` }
      : null;
}

function allowedLogin({ allowedLogins }: IdentifyOptions): ReturnType<LoginRule> {
  return (login) =>
    allowedLogins.length === 0 || allowedLogins.includes(login.toLowerCase())
      ? null
      : { status: 403, reason: `the login ${login} is not in AGENT_EVENT_BUS_ALLOWED_LOGINS` };
}

/** The login of a proxy that may be believed; null if there is none. */
function sentLogin(incoming: Incoming, { trustHeaders }: IdentifyOptions): string | null {
  const believed = trustHeaders || (incoming.loopback && incoming.way.served);
  return believed ? incoming.headers.get("tailscale-user-login") : null;
}

function byToken(tokens: TokenStore, secret: string): Verdict {
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
