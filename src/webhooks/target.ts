import { BlockList, isIP } from "node:net";
import { isLoopback } from "../lib/loopback.ts";
import { isOwn } from "./own_addresses.ts";

const FORBIDDEN = new BlockList();
const PRIVATE = new BlockList();

// Link-local (cloud metadata among it), this network, multicast, reserved, broadcast, metadata services elsewhere, and
// IPv6 tunnels that hide an IPv4 address.
FORBIDDEN.addSubnet("169.254.0.0", 16);
FORBIDDEN.addSubnet("0.0.0.0", 8);
FORBIDDEN.addSubnet("224.0.0.0", 4);
FORBIDDEN.addSubnet("240.0.0.0", 4);
FORBIDDEN.addSubnet("192.0.0.0", 24);
FORBIDDEN.addAddress("100.100.100.200");
FORBIDDEN.addAddress("::", "ipv6");
FORBIDDEN.addSubnet("fe80::", 10, "ipv6");
FORBIDDEN.addSubnet("ff00::", 8, "ipv6");
FORBIDDEN.addSubnet("64:ff9b:1::", 48, "ipv6");
FORBIDDEN.addSubnet("2001::", 32, "ipv6");
FORBIDDEN.addAddress("fd00:ec2::254", "ipv6");
PRIVATE.addSubnet("10.0.0.0", 8);
PRIVATE.addSubnet("172.16.0.0", 12);
PRIVATE.addSubnet("192.168.0.0", 16);
PRIVATE.addSubnet("100.64.0.0", 10);
PRIVATE.addSubnet("198.18.0.0", 15);
PRIVATE.addSubnet("fc00::", 7, "ipv6");
PRIVATE.addSubnet("fec0::", 10, "ipv6");

export type AddressKind = "forbidden" | "loopback" | "private" | "public";

/** What an IP address is, IPv4 inside IPv6 (mapped, translated, compatible, 6to4) taken for the IPv4 address. */
export function kindOf(address: string): AddressKind {
  const plain = plainAddress(address);
  const family = isIP(plain) === 6 ? "ipv6" : "ipv4";
  if (isIP(plain) === 0 || FORBIDDEN.check(plain, family)) return "forbidden";
  if (isLoopback(plain)) return "loopback";
  return PRIVATE.check(plain, family) ? "private" : "public";
}

/** Leading groups after which an IPv6 address holds an IPv4 address. */
const EMBEDDING = [
  [0, 0, 0, 0, 0, 0xffff],
  [0, 0, 0, 0, 0xffff, 0],
  [0x64, 0xff9b, 0, 0, 0, 0],
  [0, 0, 0, 0, 0, 0],
  [0x2002],
];

// Without a zone, and as IPv4 where it leads to IPv4. `::` and `::1` are addresses of their own.
function plainAddress(address: string): string {
  const [plain = address] = address.split("%");
  if (isIP(plain) !== 6) return plain;
  const groups = groupsOf(plain);
  const prefix = EMBEDDING.find((leading) => leading.every((group, i) => group === groups[i]));
  const [high = 0, low = 0] = groups.slice(prefix?.length ?? 0);
  if (
    prefix === undefined ||
    (prefix.length === 6 && prefix.every((group) => group === 0) && high === 0 && low < 2)
  )
    return plain;
  return [high >>> 8, high & 255, low >>> 8, low & 255].join(".");
}

// URL writes every form of an IPv6 address in one way.
function groupsOf(address: string): number[] {
  const [head = "", tail = ""] = new URL(`http://[${address}]/`).hostname.slice(1, -1).split("::");
  const numbers = (text: string) =>
    text === "" ? [] : text.split(":").map((group) => Number.parseInt(group, 16));
  const [left, right] = [numbers(head), numbers(tail)];
  return [...left, ...new Array(8 - left.length - right.length).fill(0), ...right];
}

export type Lookup = (hostname: string) => Promise<readonly string[]>;

export interface AddressPolicy {
  lookup: Lookup;
  /** Networks that remote registrants may name although they are private. */
  allowed: BlockList;
  /** Port of this bus: its own endpoint is no target. */
  ownPort(): number;
}

/** A target that the policy refuses. The message is a sentence that names the target. */
export class TargetError extends Error {
  /** The name has no address at this moment; nothing speaks against the target itself. */
  readonly unresolved: boolean;
  constructor(message: string, unresolved = false) {
    super(message);
    this.name = "TargetError";
    this.unresolved = unresolved;
  }
}

/**
 * The addresses to connect to for a webhook's URL. Every address of the name must pass: loopback, this machine's own
 * addresses and private networks are for webhooks registered on this machine; link-local, metadata, multicast and the bus
 * itself are for no webhook. @throws TargetError when one does not pass.
 */
export async function checkedAddresses(
  url: URL,
  local: boolean,
  policy: AddressPolicy,
): Promise<readonly string[]> {
  const hostname = url.hostname.replace(/^\[|\]$/g, "");
  const addresses = isIP(hostname) === 0 ? await resolve(hostname, policy.lookup) : [hostname];
  for (const address of addresses) {
    const reason = await refusal(address, url, local, policy);
    if (reason !== null) {
      const where = address === hostname ? address : `${hostname} (${address})`;
      throw new TargetError(`${where} is ${reason}`);
    }
  }
  return addresses;
}

const LOOKUP_MS = 5_000;

async function resolve(hostname: string, lookup: Lookup): Promise<readonly string[]> {
  // A name server may never answer.
  const late = Promise.withResolvers<readonly string[]>();
  const timer = setTimeout(() => late.resolve([]), LOOKUP_MS);
  const addresses = await Promise.race([lookup(hostname).catch(() => []), late.promise]);
  clearTimeout(timer);
  if (addresses.length === 0) throw new TargetError(`the host name ${hostname} has no address`, true);
  return addresses;
}

async function refusal(
  address: string,
  url: URL,
  local: boolean,
  policy: AddressPolicy,
): Promise<string | null> {
  const kind = kindOf(address);
  if (kind === "forbidden")
    return "a link-local, metadata, multicast or reserved address, which no webhook may have";
  const onOwnPort = Number(url.port || (url.protocol === "https:" ? 443 : 80)) === policy.ownPort();
  if (local && !onOwnPort) return null;
  const plain = plainAddress(address);
  const own = kind !== "loopback" && (await isOwn(plain));
  if (onOwnPort && (own || kind === "loopback")) return "this bus itself";
  if (local || (kind === "public" && !own)) return null;
  // A network that the settings allow may hold this machine, whose services were not meant.
  const judged = own ? "127.0.0.1" : plain;
  if (policy.allowed.check(judged, isIP(judged) === 6 ? "ipv6" : "ipv4")) return null;
  if (own) return "an address of the bus's own machine, which only a webhook registered there may have";
  return kind === "loopback"
    ? "a loopback address, which only a webhook registered on the bus's machine may have"
    : "in a private network, which only a webhook registered on the bus's machine may have (or AGENT_EVENT_BUS_WEBHOOK_ALLOW_CIDRS)";
}

/** `10.0.0.0/8, fd00::/8` as a list. Throws a sentence that names an odd entry. */
export function parseNetworks(text: string): BlockList {
  const list = new BlockList();
  for (const entry of text
    .split(",")
    .map((part) => part.trim())
    .filter(Boolean)) {
    const [address = "", bits] = entry.split("/");
    const family = isIP(address);
    const length = bits === undefined ? (family === 6 ? 128 : 32) : Number(bits);
    if (family === 0 || !Number.isInteger(length) || length < 0 || length > (family === 6 ? 128 : 32))
      throw new Error(`"${entry}" is no network like 10.0.0.0/8.`);
    list.addSubnet(address, length, family === 6 ? "ipv6" : "ipv4");
  }
  return list;
}
