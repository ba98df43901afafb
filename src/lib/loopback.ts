/**
 * True if a host name or an IP address leads back to this machine. The addresses are 127.0.0.0/8 and ::1, also mapped into
 * IPv6. The names are `localhost` and all below it (RFC 6761, section 6.3). Brackets and a final dot are allowed.
 */
export function isLoopback(host: string): boolean {
  const lower = host.toLowerCase();
  const name = lower.endsWith(".") ? lower.slice(0, -1) : lower;
  if (name === "localhost" || name.endsWith(".localhost")) return true;
  return name.includes(":") ? isLoopbackV6(name) : isLoopbackV4(name);
}

/** Systems connect to this machine instead of these. As an address to listen on, each means all networks. */
const UNSPECIFIED = ["0.0.0.0", "[::]", "[::ffff:0:0]"];

/** True if a URL leads to this machine. False if the text is not a URL. */
export function isLoopbackUrl(url: string): boolean {
  const hostname = URL.canParse(url) ? new URL(url).hostname : undefined;
  return hostname !== undefined && (isLoopback(hostname) || UNSPECIFIED.includes(hostname));
}

function isLoopbackV4(address: string): boolean {
  return /^127(\.(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)){3}$/.test(address);
}

// URL normalizes every form of an IPv6 address. Hooks load this file, so it uses no package.
function isLoopbackV6(address: string): boolean {
  const url = `http://${address.startsWith("[") ? address : `[${address}]`}/`;
  if (!URL.canParse(url)) return false;
  const { hostname } = new URL(url);
  return hostname === "[::1]" || hostname.startsWith("[::ffff:7f");
}
