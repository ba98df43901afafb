import { join } from "node:path";
import type { Caller } from "../../src/domain/caller.ts";
import { createGuard, type Guard, type GuardOptions } from "../../src/http/access/guard.ts";
import { createPageLogins } from "../../src/http/access/page_login.ts";
import type { Refusal } from "../../src/http/access/refusal.ts";
import type { Peer } from "../../src/runtime/runtime.ts";
import { openTokens } from "../../src/tokens/token_files.ts";
import { aRequest, type Headers_ } from "./access.ts";
import { tempFolder } from "./folder.ts";

const PORT = 50_000;
const HOUR = 3_600_000;
export const NOW = Date.parse("2026-03-01T12:00:00Z");

/** What a tailscaled would say; it fails the test when it is asked about any other address. */
const OWNERS: Record<string, string | null> = {
  "100.64.0.7": "jo@example.com",
  "100.127.255.254": "eve@example.com",
  "100.64.0.9": null,
  "fd7a:115c:a1e0::7": "jo@example.com",
  "fd7a:115c:a1e0:ab12::7": null,
  "100.64.0.66": "local",
};

export const LOOPBACK = ["127.0.0.1", "127.0.0.2", "127.255.255.254", "::1"];
/** Peers that no rule lets in; null when the runtime does not tell. */
export const STRANGERS = [
  null,
  "192.168.1.7",
  "203.0.113.9",
  "0.0.0.0",
  "12.7.0.1",
  "128.0.0.1",
  "::",
  "::2",
  "::127.0.0.1",
  "2001:db8::1",
  "fe80::1",
  "fe80::1%eth0",
  "fd00::1",
  "100.63.255.255",
  "100.128.0.1",
  "fd7a:115c:a1df::7",
  "fd7a:115c:a1e1::7",
  "",
  "127",
];
/** Tailnet addresses, and who comes in from there. */
export const TAILNET: [address: string, who: string | number][] = [
  ["100.64.0.7", "jo@example.com"],
  ["100.127.255.254", "eve@example.com"],
  ["100.64.0.9", 401],
  ["fd7a:115c:a1e0::7", "jo@example.com"],
  ["fd7a:115c:a1e0:ab12::7", 401],
  ["100.64.0.66", 403],
];

const KEY = new Uint8Array(32);
/** The logins of a page at that bus. */
export const logins = createPageLogins({ key: () => KEY, now: () => NOW });

/** A bus on loopback whose settings open nothing. */
const CLOSED = {
  ...{ host: "127.0.0.1", machine: () => "thinkpad", allowedHosts: [], allowedLogins: [] },
  ...{ onlyTokens: false, trustHeaders: false, open: false },
  async whois(peer: Peer) {
    const owner = OWNERS[peer.address];
    if (owner === undefined) throw new Error(`tailscaled was asked about ${peer.address}`);
    return owner;
  },
  refused: () => {},
  logins,
};

/** A request as the runtime hands it over, which knows the other end of its connection. */
export function from(address: string | null, request: Request, port = PORT): Request {
  const peer = address === null ? null : { address, port };
  return Object.assign(request, { server: { requestIP: () => peer } });
}

/** The whole guard of that bus, with other settings or rules. */
export function guardAt(
  options: Partial<GuardOptions> & Pick<GuardOptions, "tokens">,
  rules?: Parameters<typeof createGuard>[1],
): Guard {
  return createGuard({ ...CLOSED, ...options }, rules);
}

/** A token store with tokens of every state, and what is made of a request by peers that no loopback test can have. */
export function createIdentities() {
  const db = join(tempFolder(), "data.db");
  const tokens = openTokens(db, () => NOW);
  const earlier = openTokens(db, () => NOW - 2 * HOUR);
  const secret = {
    laptop: tokens.create("laptop", "full", null)?.secret ?? "",
    ci: tokens.create("ci", "publish", HOUR)?.secret ?? "",
    old: earlier.create("old", "full", HOUR)?.secret ?? "",
    gone: earlier.create("gone", "full", null)?.secret ?? "",
  };
  tokens.revoke("gone");

  async function identified(
    address: string | null,
    headers: Headers_,
    more: Partial<GuardOptions> = {},
  ): Promise<Caller | Refusal> {
    return guardAt({ tokens, ...more }).check(from(address, aRequest(headers)));
  }

  /** The status of a refusal, or who is let in: the origin, with `+` for programs of this machine. */
  async function verdict(...asked: Parameters<typeof identified>): Promise<number | string> {
    const found = await identified(...asked);
    return "status" in found ? found.status : `${found.origin}${found.local ? "+" : ""}`;
  }

  return { tokens, secret, identified, verdict };
}
