import { BlockList, isIP } from "node:net";

const FORBIDDEN = new BlockList();
const LOOPBACK = new BlockList();
const PRIVATE = new BlockList();

// Link-local (cloud metadata among it), this network, multicast, reserved, broadcast, metadata services elsewhere.
FORBIDDEN.addSubnet("169.254.0.0", 16);
FORBIDDEN.addSubnet("0.0.0.0", 8);
FORBIDDEN.addSubnet("224.0.0.0", 4);
FORBIDDEN.addSubnet("240.0.0.0", 4);
FORBIDDEN.addAddress("100.100.100.200");
FORBIDDEN.addAddress("::", "ipv6");
FORBIDDEN.addSubnet("fe80::", 10, "ipv6");
FORBIDDEN.addSubnet("ff00::", 8, "ipv6");
FORBIDDEN.addAddress("fd00:ec2::254", "ipv6");
LOOPBACK.addSubnet("127.0.0.0", 8);
LOOPBACK.addAddress("::1", "ipv6");
PRIVATE.addSubnet("10.0.0.0", 8);
PRIVATE.addSubnet("172.16.0.0", 12);
PRIVATE.addSubnet("192.168.0.0", 16);
PRIVATE.addSubnet("100.64.0.0", 10);
PRIVATE.addSubnet("fc00::", 7, "ipv6");

export type AddressKind = "forbidden" | "loopback" | "private" | "public";

/** What an IP address is, IPv4 inside IPv6 (mapped, translated, 6to4) taken for the IPv4 address. */
export function kindOf(address: string): AddressKind {
  const plain = embeddedV4(address) ?? address;
  const family = isIP(plain) === 6 ? "ipv6" : "ipv4";
  if (isIP(plain) === 0 || FORBIDDEN.check(plain, family)) return "forbidden";
  if (LOOPBACK.check(plain, family)) return "loopback";
  return PRIVATE.check(plain, family) ? "private" : "public";
}

// URL writes every form of an IPv6 address in one way, so that only its last 32 bits have to be read.
function embeddedV4(address: string): string | null {
  if (isIP(address) !== 6) return null;
  const plain = new URL(`http://[${address.split("%")[0]}]/`).hostname.slice(1, -1);
  const tail = /^(?:::ffff:|::ffff:0:|64:ff9b::|::)([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(plain);
  const sixToFour = /^2002:([0-9a-f]{1,4}):([0-9a-f]{1,4}):/.exec(plain);
  const [, high, low] = tail ?? sixToFour ?? [];
  if (high === undefined || low === undefined) return null;
  const bits = (Number.parseInt(high, 16) << 16) | Number.parseInt(low, 16);
  return [bits >>> 24, (bits >>> 16) & 255, (bits >>> 8) & 255, bits & 255].join(".");
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
 * The address to connect to for a webhook's URL. Every address the name has must pass: loopback and private networks
 * are for webhooks registered on this machine, link-local, metadata, multicast and the bus itself for nobody.
 * Throws TargetError.
 */
export async function checkedAddress(url: URL, local: boolean, policy: AddressPolicy): Promise<string> {
  const hostname = url.hostname.replace(/^\[|\]$/g, "");
  const addresses = isIP(hostname) === 0 ? await resolve(hostname, policy.lookup) : [hostname];
  for (const address of addresses) {
    const reason = refusal(address, url, local, policy);
    if (reason !== null) {
      const where = address === hostname ? address : `${hostname} (${address})`;
      throw new TargetError(`${where} is ${reason}`);
    }
  }
  return addresses[0] ?? hostname;
}

async function resolve(hostname: string, lookup: Lookup): Promise<readonly string[]> {
  const addresses = await lookup(hostname).catch(() => []);
  if (addresses.length === 0) throw new TargetError(`the host name ${hostname} has no address`, true);
  return addresses;
}

function refusal(address: string, url: URL, local: boolean, policy: AddressPolicy): string | null {
  const kind = kindOf(address);
  if (kind === "forbidden")
    return "a link-local, metadata, multicast or reserved address, which no webhook may have";
  const port = Number(url.port || (url.protocol === "https:" ? 443 : 80));
  if (kind === "loopback" && port === policy.ownPort() && /^\/mcp\/?$/.test(url.pathname))
    return "this bus itself";
  if (local || kind === "public") return null;
  if (policy.allowed.check(address, isIP(address) === 6 ? "ipv6" : "ipv4")) return null;
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
