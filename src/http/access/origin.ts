import { isLoopback } from "../../lib/loopback.ts";
import type { BodyKind } from "../body.ts";
import type { Refusal } from "./refusal.ts";

export interface HeadOptions {
  /** The address the bus listens on. */
  host: string;
  /** This machine's present name, which may change. A name of the bus only if it listens for other machines. */
  machine(): string;
  allowedHosts: readonly string[];
}

/** Input of the rules. */
export interface Head {
  method: string;
  /** The name or address in its Host header. Null unless there is exactly one. */
  host: string | null;
  headers: Headers;
  /** Body that the route takes. */
  body: BodyKind;
  /** The route needs no sender. */
  anyone?: true | undefined;
}

/** True for host names of the bus. */
export type Known = (hostname: string) => boolean;

/**
 * Rules against DNS rebinding and cross-site requests (MCP transport security). A web page can send JSON only after asking
 * first. Each returns null if it has no objection.
 */
export const HEAD_RULES = [oneHost, knownHost, ownPage, ownSite, rightType, plainBody];

function oneHost({ host }: Head): Refusal | null {
  if (host !== null) return null;
  return { status: 400, reason: "A request needs exactly one Host header with a name or an address." };
}

function knownHost({ host }: Head, { known }: { known: Known }): Refusal | null {
  if (host !== null && known(host)) return null;
  const reason = `This bus does not answer to the host "${host}". To allow it, add it to AGENT_EVENT_BUS_ALLOWED_HOSTS.`;
  return { status: 421, reason };
}

function ownPage({ headers }: Head, { known }: { known: Known }): Refusal | null {
  const origin = headers.get("origin");
  if (origin === null || isPageOf(origin, known)) return null;
  return { status: 403, reason: "Requests from web pages of other origins are refused." };
}

function ownSite({ method, headers, anyone }: Head): Refusal | null {
  // A link from another site may open the page, as its own document.
  if (anyone && method === "GET" && headers.get("sec-fetch-dest") === "document") return null;
  const site = headers.get("sec-fetch-site");
  if (site === null || site === "none" || site === "same-origin") return null;
  return { status: 403, reason: "Requests from other sites are refused." };
}

function rightType({ method, headers, body }: Head): Refusal | null {
  if (method !== "POST" || body !== "json" || isJson(headers.get("content-type"))) return null;
  return { status: 415, reason: "The body must be application/json." };
}

const PLAIN = { "accept-encoding": "identity" };

function plainBody({ method, headers, body }: Head): Refusal | null {
  const coding = headers.get("content-encoding")?.trim().toLowerCase() ?? "";
  if (method !== "POST" || body === "none" || coding === "" || coding === "identity") return null;
  const reason = "The bus reads no compressed bodies. Send the body as it is, without Content-Encoding.";
  return { status: 415, reason, headers: PLAIN };
}

/** Without `x.localhost` and `localhost.`, which some resolvers look up in the network. */
const NAMES = ["127.0.0.1", "localhost", "[::1]"];

export function createKnown({ host, machine, allowedHosts }: HeadOptions): Known {
  const own = spellingsOf(host);
  const names = new Set([...NAMES, ...own, ...allowedHosts]);
  const first = machine().toLowerCase();
  // A client may still know the name that the machine had at the start.
  const isMachine = (hostname: string) =>
    !isLoopback(host) && (hostname === first || hostname === machine().toLowerCase());
  // A bus on every address does not know its names. An address literal cannot be rebound.
  const everywhere = own.includes("0.0.0.0") || own.includes("[::]");
  return (hostname) => names.has(hostname) || (everywhere && isAddress(hostname)) || isMachine(hostname);
}

// Extensions and apps name their pages as they like, for example tauri://localhost.
function isPageOf(origin: string, known: Known): boolean {
  return /^https?:/i.test(origin) && URL.canParse(origin) && known(new URL(origin).hostname);
}

function isJson(type: string | null): boolean {
  return type === "application/json" || type?.split(";")[0]?.trim().toLowerCase() === "application/json";
}

/** A host as it was set, and as clients write it. Clients shorten IPv6. */
function spellingsOf(host: string): string[] {
  const set = (host.includes(":") && !host.startsWith("[") ? `[${host}]` : host).toLowerCase();
  return URL.canParse(`http://${set}`) ? [set, new URL(`http://${set}`).hostname] : [set];
}

function isAddress(hostname: string): boolean {
  return /^\d+\.\d+\.\d+\.\d+$/.test(hostname) || hostname.startsWith("[");
}

export function hostnameOf(header: string | null): string | null {
  const match = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{1,5})?$/i.exec(header ?? "");
  return match?.[1]?.toLowerCase() ?? null;
}
