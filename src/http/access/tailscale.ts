import type { IncomingMessage } from "node:http";
import type { Peer } from "../../runtime/runtime.ts";

export interface WhoisOptions {
  /** Unix socket of tailscaled. */
  socket: string;
  /** Never jumps (ms). */
  now(): number;
  warn(message: string): void;
}

const KNOWN_MS = 60_000;
const MOST_KNOWN = 1_000;
const LIMIT_MS = 2_000;
const MOST_BYTES = 64 * 1024;
/** Owner that tailscaled gives for a machine without a user. */
const TAGGED = "tagged-devices";

/**
 * Asks the tailscaled of this machine who owns a tailnet address (`whois` of its LocalAPI). Caches every answer for a minute.
 * Null if tailscaled does not know the address, does not run, or takes over 2 s. Warns once of the last two.
 */
export function createWhois(options: WhoisOptions): (peer: Peer) => Promise<string | null> {
  const known = new Map<string, { login: Promise<string | null>; until: number }>();
  let warned = false;
  return (peer) => {
    const held = known.get(peer.address);
    if (held !== undefined && options.now() < held.until) return held.login;
    const login = ask(options.socket, peer).catch((error) => {
      known.delete(peer.address);
      if (!warned)
        options.warn(
          `tailscaled at ${options.socket} did not identify ${peer.address}: ${error} (logged once)`,
        );
      warned = true;
      return null;
    });
    if (known.size >= MOST_KNOWN) known.clear();
    known.set(peer.address, { login, until: options.now() + KNOWN_MS });
    return login;
  };
}

// Loads node:http at the first question. Most buses never ask, and it takes megabytes.
async function ask(socketPath: string, { address, port }: Peer): Promise<string | null> {
  const { request } = await import("node:http");
  const addr = address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
  const options = {
    socketPath,
    path: `/localapi/v0/whois?addr=${encodeURIComponent(addr)}`,
    headers: { host: "local-tailscaled.sock" },
    signal: AbortSignal.timeout(LIMIT_MS),
  };
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request(options, resolve).on("error", reject).end();
  });
  let text = "";
  for await (const chunk of response.setEncoding("utf8")) {
    text += chunk;
    if (text.length > MOST_BYTES) throw new Error("its answer is too long");
  }
  return response.statusCode === 200 ? loginIn(text) : null;
}

function loginIn(answer: string): string | null {
  try {
    const login: unknown = JSON.parse(answer)?.UserProfile?.LoginName;
    return typeof login === "string" && login !== "" && login !== TAGGED ? login : null;
  } catch {
    return null;
  }
}
