import { BlockList, isIP } from "node:net";

/** Words in the names of headers that proxies, CDNs and tunnels set. */
const WORDS = `forward[a-z]* prox[a-z]* orig(inal(ly)?|inating)? remote real via rewrite replaced
  (client|connecting|real|remote|socket|source|src|true|user)?ips?(v[46])? addr(ess)? geo(ip)? country
  https scheme ssl tls client-(cert|dn|host|port|proto|verify) (request|queue)-(start|time)
  backend cdn edge gateway hop ingress [a-z]*tunnel surrogate upstream viewer visitor`;

/** Prefixes of vendor headers, with or without a leading X. */
const MAKERS = `3scale accel akamai ali amz-cf amzn anonymous-consumer apigee apisix app(engine|gw|service) arr auth-request
  authenticated authentik azure bb bluecoat cf citrix cloud(flare|front) cloud-trace coder consumer credential dapr
  datadome eagle(eye|id) ec edgeconnect envoy eo exposed f5 fastly fd fly gap gfe gitlab-workhorse gitpod
  goog-(authenticated|iap) google haproxy hass heroku incap inlets istio k8se kong l5d llid ms mwg netbird nf nginx ngrok now
  oidc operamini pagekite pinggy pomerium pull railway render replit rndr sendfile served-by shield site-deployment slb squid
  stgw sucuri tailscale teleport timer traefik twingate varnish vercel waws weblogic webauth wl zrok zscaler`;

/** Other whole names. */
const NAMES = `connect-time disguised-host rlnclientipaddr total-route-time was-default-hostname x-cache(-.+)?
  x-(http-)?host(-.+)?`;

/** Matches lower-case names of headers that proxies set and programs do not. A doubtful name counts as a proxy's. */
const OF_A_PROXY = new RegExp(
  `(^|[-_])(${either(WORDS)})([-_]|$)|^(x[-_])?(${either(MAKERS)})([-_]|$)|^(${either(NAMES)})$|^\\$ws`,
);

function either(words: string): string {
  return words.split(/\s+/).join("|");
}

/** Hot path: names that nearly every request has, none of which is a proxy's. Looking one up halves the time of a request's names. */
const ORDINARY: ReadonlySet<string> = new Set(
  `accept accept-encoding accept-language agent-event-bus-process authorization connection content-length content-type
  host mcp-method mcp-name mcp-protocol-version mcp-session-id user-agent`
    .split(/\s+/)
    .filter((name) => !OF_A_PROXY.test(name)),
);

/** Headers that `tailscale serve` sets itself and strips from client requests. */
const OF_SERVE = /^(x-forwarded-(for|host|proto)|tailscale-(user-.+|headers-info|app-capabilities))$/;

/** Route of a request to the bus, read from its headers. */
export interface Way {
  /** A header that a proxy set, preferably one that `tailscale serve` does not set. */
  proxy: string | undefined;
  /** True if every proxy header is of `tailscale serve` and names one tailnet address as the client. */
  served: boolean;
}

export function wayOf(headers: Headers): Way {
  let proxy: string | undefined;
  for (const name of headers.keys()) {
    if (ORDINARY.has(name) || !OF_A_PROXY.test(name)) continue;
    proxy = name;
    if (!OF_SERVE.test(name)) return { proxy, served: false };
  }
  return { proxy, served: proxy !== undefined && isTailnet(headers.get("x-forwarded-for") ?? "") };
}

const TAILNET = new BlockList();
TAILNET.addSubnet("100.64.0.0", 10, "ipv4");
TAILNET.addSubnet("fd7a:115c:a1e0::", 48, "ipv6");

/** True for exactly one address of a tailnet. */
export function isTailnet(address: string): boolean {
  const family = isIP(address);
  return family !== 0 && TAILNET.check(address, family === 6 ? "ipv6" : "ipv4");
}
