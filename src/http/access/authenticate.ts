import { PROCESS_HEADER } from "../../config/client.ts";
import { ANYONE, type Caller, LOCAL, ORIGINS } from "../../domain/caller.ts";
import { type FoundToken, RESERVED, type Tokens } from "../../domain/token.ts";
import { isLoopback } from "../../lib/loopback.ts";
import { type Peer, peerOf } from "../../runtime/runtime.ts";
import { isTailnet, type Way, wayOf } from "./forwarding.ts";
import { type Head, hostnameOf } from "./origin.ts";
import { PAGE_HEADER, type PageLogins } from "./page_login.ts";
import type { Refusal } from "./refusal.ts";
import { terminalOf } from "./terminal.ts";

export interface IdentifyOptions {
  tokens: Tokens;
  logins: Pick<PageLogins, "find">;
  /** The login that owns a tailnet address. Null unless the local tailscaled confirms it. */
  whois(peer: Peer): Promise<string | null>;
  /** Logins that may come in. All if empty. */
  allowedLogins: readonly string[];
  /** Only tokens count, even for programs of this machine. */
  onlyTokens: boolean;
  /** Every loopback connection is local, and any peer's login header is believed, as in the Python original. */
  trustHeaders: boolean;
  /** Every caller may do everything. */
  open: boolean;
  /** `public`: strangers reach the routes of sources, and those alone. */
  inbound?: "guarded" | "public";
}

export type Verdict = Caller | Refusal;

/** The head of a request and the connection that it came by. */
export interface Incoming extends Head {
  /** The route admits strangers. */
  strangers?: true | undefined;
  peer: Peer | undefined;
  /** Undefined if the peer is not on loopback. */
  way: Way | undefined;
  /** Set by the rules once tailscaled vouches for it. */
  login: string | null;
  /** Set by the rules for a command in a terminal. */
  terminal: readonly number[] | undefined;
}

export function incomingOf(
  request: Request,
  { body, anyone, strangers }: Pick<Incoming, "body" | "anyone" | "strangers">,
): Incoming {
  const { method, headers } = request;
  const peer = peerOf(request);
  const way = peer !== undefined && isLoopback(peer.address) ? wayOf(headers) : undefined;
  const host = hostnameOf(headers.get("host"));
  return { method, host, headers, body, anyone, strangers, peer, way, login: null, terminal: undefined };
}

/**
 * Rules that find the sender of a request (docs/security.md). If a token is sent, only the token counts. A login counts if
 * tailscaled vouches for it, as the proxy on loopback or asked about a tailnet address. Each returns null if the next rule
 * decides.
 */
export const SENDER_RULES = [
  noFunnel,
  tokenDecides,
  pageDecides,
  tokensOnly,
  commandInTerminal,
  programOfThisMachine,
  openToAll,
  loginOfHeader,
  loginOfAddress,
  noReservedLogin,
  allowedLogin,
  loginDecides,
];

/** The same rules for a route that strangers may use. Who cannot prove to be a sender is a stranger there. */
export const STRANGERS_RULES = [
  tokenDecides,
  pageDecides,
  unprovedStranger,
  ...SENDER_RULES.slice(SENDER_RULES.indexOf(commandInTerminal)),
];

function unprovedStranger({ headers }: Incoming, { onlyTokens }: IdentifyOptions): Caller | null {
  return onlyTokens || headers.has("tailscale-funnel-request") ? ANYONE : null;
}

/** Keeps strangers from routes that need no sender, where the bus may be reached from the internet. */
export function noOutsider({ peer, way }: Incoming, { inbound }: IdentifyOptions): Refusal | null {
  if (inbound !== "public") return null;
  const isNear = way === undefined ? isTailnet(peer?.address ?? "") : way.proxy === undefined || way.served;
  return isNear ? null : needsToken(peer, way?.proxy);
}

export function noFunnel({ headers }: Incoming): Refusal | null {
  if (!headers.has("tailscale-funnel-request")) return null;
  return { status: 403, reason: "Requests from the internet (Tailscale Funnel) are refused." };
}

function tokenDecides({ headers }: Incoming, { tokens }: IdentifyOptions): Verdict | Promise<Verdict> | null {
  const secret = bearerOf(headers);
  if (secret === null) return null;
  const found = tokens.find(secret);
  return found instanceof Promise ? found.then(verdictOf) : verdictOf(found);
}

const SIGNED_OUT: Refusal = {
  status: 401,
  reason: "Signed out. To sign in: agent-event-bus open",
  headers: { "www-authenticate": 'Bearer realm="agent-event-bus"' },
};

/** The page in a browser that is signed in. Its login ends with the token that opened it. */
function pageDecides(
  { headers, way }: Incoming,
  { logins, tokens }: IdentifyOptions,
): Promise<Verdict> | null {
  if (!headers.has(PAGE_HEADER)) return null;
  return logins.find(headers).then((login) => {
    if (login === null || (login.token !== undefined && !tokens.holds(login.token))) return SIGNED_OUT;
    const local = way !== undefined && way.proxy === undefined;
    const token = login.token === undefined ? {} : { token: login.token };
    return { origin: ORIGINS.person, scope: "full", local, page: true, ...token };
  });
}

// On a shared machine any user can send what a proxy sends, and connect to the tailnet address.
function tokensOnly({ peer }: Incoming, { onlyTokens }: IdentifyOptions): Refusal | null {
  return onlyTokens ? needsToken(peer) : null;
}

function commandInTerminal(incoming: Incoming): Promise<null> | null {
  const { headers, peer, way } = incoming;
  if (way === undefined || way.proxy !== undefined || !headers.has(PROCESS_HEADER)) return null;
  return terminalOf(headers, peer).then((terminal) => {
    incoming.terminal = terminal;
    return null;
  });
}

function programOfThisMachine({ way, terminal }: Incoming, { trustHeaders }: IdentifyOptions): Caller | null {
  if (way === undefined || (!trustHeaders && way.proxy !== undefined)) return null;
  return terminal === undefined ? LOCAL : { ...LOCAL, terminal };
}

function openToAll(_: Incoming, { open }: IdentifyOptions): Caller | null {
  return open ? { origin: ORIGINS.unverified, scope: "full", local: false } : null;
}

// Two headers of one name arrive joined by a comma.
function loginOfHeader(incoming: Incoming, { trustHeaders }: IdentifyOptions): Refusal | null {
  incoming.login = trustHeaders || incoming.way?.served ? incoming.headers.get("tailscale-user-login") : null;
  if (incoming.login === null || /^[\x21-\x2b\x2d-\x7e]{1,254}$/.test(incoming.login)) return null;
  return { status: 400, reason: "A request needs exactly one Tailscale-User-Login header with one login." };
}

function loginOfAddress(incoming: Incoming, { whois }: IdentifyOptions): Promise<null> | null {
  const { peer, login } = incoming;
  if (login !== null || peer === undefined || !isTailnet(peer.address)) return null;
  return whois(peer).then((owner) => {
    incoming.login = owner;
    return null;
  });
}

function noReservedLogin({ login }: Incoming): Refusal | null {
  if (login === null || !RESERVED.includes(login.toLowerCase())) return null;
  return { status: 403, reason: `"${login}" is a reserved name, not a login.` };
}

function allowedLogin({ login }: Incoming, { allowedLogins }: IdentifyOptions): Refusal | null {
  if (login === null || allowedLogins.length === 0 || allowedLogins.includes(login.toLowerCase()))
    return null;
  return { status: 403, reason: `The login ${login} is not in AGENT_EVENT_BUS_ALLOWED_LOGINS.` };
}

// A token's name never contains an @, and the origin of a login always does.
function loginDecides({ login }: Incoming): Caller | null {
  if (login === null) return null;
  return { origin: login.includes("@") ? login : `${login}@`, scope: "full", local: false };
}

function verdictOf(found: FoundToken | undefined): Verdict {
  if (found?.state === "valid") {
    const { name, scope, hash } = found.token;
    // A token may be older than the meaning of its name.
    return { origin: RESERVED.includes(name) ? `token:${name}` : name, scope, local: false, token: hash };
  }
  const what =
    found === undefined
      ? "This bus does not know the token"
      : `The token ${found.token.name} ${found.state === "expired" ? `expired at ${found.token.expires_at}` : "was revoked"}`;
  return {
    status: 401,
    reason: `${what}. Create one on the bus's machine with: agent-event-bus token create --name NAME`,
    headers: { "www-authenticate": 'Bearer realm="agent-event-bus", error="invalid_token"' },
  };
}

/** `proxy` is the header that shows that a request from loopback came through a proxy. */
export function needsToken(peer: Peer | undefined, proxy?: string): Refusal {
  const because = proxy === undefined ? "" : `, because the header ${proxy.slice(0, 60)} comes from a proxy`;
  return {
    status: 401,
    reason: `Requests from ${peer?.address ?? "here"} need a token (Authorization: Bearer …)${because}. Create one on the bus's machine with: agent-event-bus token create --name NAME`,
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
