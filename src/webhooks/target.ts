import { isIP } from "node:net";
import { networkInterfaces } from "node:os";
import ipaddr from "ipaddr.js";

type Address = ipaddr.IPv4 | ipaddr.IPv6;
export type Network = [address: Address, prefix: number];

export type AddressKind = "forbidden" | "loopback" | "private" | "public";

/** The first kind that has the address counts. Addresses in none of these networks are public. */
const KINDS: Record<Exclude<AddressKind, "public">, Network[]> = {
  // Link-local with cloud metadata, this network, multicast, reserved, broadcast, metadata services elsewhere, and IPv6
  // tunnels that hide an IPv4 address.
  forbidden:
    networks(`169.254.0.0/16 0.0.0.0/8 224.0.0.0/4 240.0.0.0/4 192.0.0.0/24 100.100.100.200/32 ::/128 fe80::/10
    ff00::/8 64:ff9b:1::/48 2001::/32 fd00:ec2::254/128`),
  loopback: networks("127.0.0.0/8 ::1/128"),
  private: networks("10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 100.64.0.0/10 198.18.0.0/15 fc00::/7 fec0::/10"),
};

/** IPv6 networks whose addresses hold an IPv4 address, and the byte where it begins. */
const EMBEDDING = [
  ...networks("::ffff:0:0/96 ::ffff:0:0:0/96 64:ff9b::/96 ::/96").map((network) => ({ network, at: 12 })),
  ...networks("2002::/16").map((network) => ({ network, at: 2 })),
];

const LOOPBACK = ipaddr.parse("127.0.0.1");

/** `::` and `::1`: addresses of their own, although they look like IPv4 in IPv6. */
const NOT_EMBEDDING = ipaddr.parseCIDR("::/127");

function networks(text: string): Network[] {
  return text.split(/\s+/).map((network) => ipaddr.parseCIDR(network));
}

/** True if a network holds an address. IPv6 networks hold IPv4 addresses in their mapped form. */
function isIn(address: Address, [network, prefix]: Network): boolean {
  const isMapped = address instanceof ipaddr.IPv4 && network instanceof ipaddr.IPv6;
  const form = isMapped ? address.toIPv4MappedAddress() : address;
  return form.kind() === network.kind() && form.match(network, prefix);
}

/** Parses an address without its zone. IPv4 inside IPv6 (mapped, translated, compatible, 6to4) becomes the IPv4 address. */
function addressOf(text: string): Address | undefined {
  const [plain = ""] = text.split("%");
  if (isIP(plain) === 0) return undefined;
  const address = ipaddr.parse(plain);
  if (address.kind() === "ipv4" || isIn(address, NOT_EMBEDDING)) return address;
  const at = EMBEDDING.find(({ network }) => isIn(address, network))?.at;
  return at === undefined ? address : new ipaddr.IPv4(address.toByteArray().slice(at, at + 4));
}

export function kindOf(text: string): AddressKind {
  const address = addressOf(text);
  return address === undefined ? "forbidden" : (ipaddr.subnetMatch(address, KINDS, "public") as AddressKind);
}

/** Parses `10.0.0.0/8, fd00::/8, 10.0.0.7`. @throws Error with a sentence that names the entry when one is malformed. */
export function parseNetworks(text: string): Network[] {
  const entries = text.split(",").map((part) => part.trim());
  return entries.filter(Boolean).map((entry) => {
    const [address = "", bits] = entry.split("/");
    const most = isIP(address) === 6 ? 128 : 32;
    const prefix = bits === undefined ? most : Number(bits || Number.NaN);
    if (isIP(address) === 0 || !Number.isInteger(prefix) || prefix < 0 || prefix > most)
      throw new Error(`"${entry}" is not a network. Write one like 10.0.0.0/8.`);
    return [ipaddr.parse(address), prefix];
  });
}

export type Lookup = (hostname: string) => Promise<readonly string[]>;

export interface AddressPolicy {
  lookup: Lookup;
  /** Private networks that remote registrants may name. */
  allowed: readonly Network[];
  /** Port of this bus, which is not a target itself. */
  ownPort(): number;
}

/** A target that the policy refuses. The message is a sentence that names the target. */
export class TargetError extends Error {
  /** True if the name has no address at this moment. A later attempt may succeed. */
  readonly unresolved: boolean;
  constructor(message: string, unresolved = false) {
    super(message);
    this.name = "TargetError";
    this.unresolved = unresolved;
  }
}

/**
 * The addresses to connect to for a webhook's URL. Every address of the name must pass. Loopback, this machine's own
 * addresses and private networks are for webhooks registered on this machine. Link-local, metadata and multicast addresses
 * and the bus itself are for no webhook. @throws TargetError when one does not pass.
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

/** The reason why a webhook may not have an address, to follow "… is". Null if it may. */
async function refusal(
  text: string,
  url: URL,
  local: boolean,
  policy: AddressPolicy,
): Promise<string | null> {
  const kind = kindOf(text);
  const address = addressOf(text);
  if (kind === "forbidden" || address === undefined)
    return "a link-local, metadata, multicast or reserved address, which webhooks may not use";
  const onOwnPort = Number(url.port || (url.protocol === "https:" ? 443 : 80)) === policy.ownPort();
  if (local && !onOwnPort) return null;
  const own = kind !== "loopback" && (await isOwn(address));
  if (onOwnPort && (own || kind === "loopback")) return "this bus itself";
  if (local || (kind === "public" && !own)) return null;
  // An allowed network may hold this machine. Its services count as loopback.
  const judged = own ? LOOPBACK : address;
  if (policy.allowed.some((network) => isIn(judged, network))) return null;
  if (own) return "an address of the bus's own machine, which only a webhook registered there may use";
  return kind === "loopback"
    ? "a loopback address, which only a webhook registered on the bus's machine may use"
    : "in a private network, which only a webhook registered on the bus's machine may use (or AGENT_EVENT_BUS_WEBHOOK_ALLOW_CIDRS)";
}

/**
 * True if packets to an address stay on this machine: an interface has it, or the system would send them from that same
 * address. Interfaces and routes change, so every call asks again.
 */
async function isOwn(address: Address): Promise<boolean> {
  const own = Object.values(networkInterfaces()).flatMap((found) => found?.map((one) => one.address) ?? []);
  const source = await sourceTo(address);
  return [...own, ...(source === undefined ? [] : [source])].some(
    (one) => addressOf(one)?.toString() === address.toString(),
  );
}

const LIMIT_MS = 1_000;
const DISCARD = 9;

/** Connecting a datagram socket sends nothing. Undefined if there is no route. */
async function sourceTo(address: Address): Promise<string | undefined> {
  const { createSocket } = await import("node:dgram");
  const socket = createSocket(address.kind() === "ipv6" ? "udp6" : "udp4");
  const found = await new Promise<string | undefined>((resolve) => {
    const timer = setTimeout(resolve, LIMIT_MS, undefined);
    const settle = (source?: string) => {
      clearTimeout(timer);
      resolve(source);
    };
    // Node would call a callback with the error too.
    socket.on("error", () => settle());
    socket.on("connect", () => settle(socket.address().address));
    socket.connect(DISCARD, address.toString());
  });
  socket.close();
  return found;
}
