/** A head that may be sent: header names with their values; several of one name are given as a list. */
export type Headers_ = Record<string, string | string[] | null>;

/** A request as a route sees it, made without a connection. */
export function aRequest(headers: Headers_ = {}, method = "POST", path = "/mcp"): Request {
  const all: Headers_ = { host: "127.0.0.1:8080", "content-type": "application/json", ...headers };
  const pairs = Object.entries(all).flatMap(([name, value]) =>
    (value === null ? [] : [value].flat()).map((one): [string, string] => [name, one]),
  );
  return new Request(`http://127.0.0.1:8080${path}`, { method, headers: pairs });
}

/** The same headers as lines for `post` of raw.ts, which takes one value of each name. */
export function asLines(headers: Headers_): Record<string, string | null> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(`\r\n${name}: `) : value,
    ]),
  );
}

/** The value of a header, or what is there in the place of it, and the status that a bus on loopback answers it with. */
export type Row<Value = string | null> = readonly [value: Value, status: number];

const OK = 200;

export const HOSTS: readonly Row<string | string[] | null>[] = [
  ["127.0.0.1", OK],
  ["127.0.0.1:8080", OK],
  ["localhost", OK],
  ["LOCALHOST:1", OK],
  ["[::1]", OK],
  ["[::1]:8080", OK],
  [" 127.0.0.1 ", OK],
  ["evil.example", 421],
  ["evil.example:8080", 421],
  ["127.0.0.1.evil.example", 421],
  ["localhost.evil.example", 421],
  ["localhost.", 421],
  ["0.0.0.0", 421],
  ["127.0.0.2", 421],
  ["2130706433", 421],
  ["0x7f.1", 421],
  ["127.1", 421],
  ["[::]", 421],
  ["[::ffff:127.0.0.1]", 421],
  ["[0:0:0:0:0:0:0:1]", 421],
  ["x", 421],
  ["evil.example:80@127.0.0.1", 400],
  ["127.0.0.1@evil.example", 400],
  ["user:secret@127.0.0.1", 400],
  ["127.0.0.1, evil.example", 400],
  ["127.0.0.1/evil", 400],
  ["http://127.0.0.1", 400],
  ["127.0.0.1\\evil.example", 400],
  ["127.0.0.1 evil.example", 400],
  ["::1", 400],
  ["[::1", 400],
  ["[::1]evil.example", 400],
  ["[::1%25lo]", 400],
  ["127.0.0.1:99999999", 400],
  ["127.0.0.1:", 400],
  ["127.0.0.1:8080:8080", 400],
  ["127.0.0.1?", 400],
  ["", 400],
  [null, 400],
  [["127.0.0.1", "evil.example"], 400],
  [["evil.example", "127.0.0.1"], 400],
  [["127.0.0.1", "127.0.0.1"], 400],
];

export const ORIGINS: readonly Row<string | string[] | null>[] = [
  [null, OK],
  ["http://127.0.0.1:8080", OK],
  ["http://localhost:3000", OK],
  ["https://localhost", OK],
  ["http://[::1]:1", OK],
  ["http://evil.example", 403],
  ["https://evil.example:8080", 403],
  ["http://127.0.0.1.evil.example", 403],
  ["http://localhost.evil.example", 403],
  ["http://127.0.0.1@evil.example", 403],
  ["http://127.0.0.2", 403],
  ["null", 403],
  ["file://", 403],
  ["chrome-extension://abcdefghijklmnop", 403],
  ["moz-extension://localhost", 403],
  ["capacitor://localhost", 403],
  ["tauri://localhost", 403],
  ["", 403],
  ["127.0.0.1", 403],
  ["*", 403],
  [["http://127.0.0.1", "http://evil.example"], 403],
  [["http://evil.example", "http://127.0.0.1"], 403],
];

export const SITES: readonly Row<string | string[] | null>[] = [
  [null, OK],
  ["none", OK],
  ["same-origin", OK],
  ["same-site", 403],
  ["cross-site", 403],
  ["CROSS-SITE", 403],
  ["", 403],
  [["none", "cross-site"], 403],
];

/** Of a POST; no other method has a body that is read. */
/** Of a body. */
export const CODINGS: readonly Row[] = [
  [null, OK],
  ["", OK],
  ["identity", OK],
  ["Identity", OK],
  ["gzip", 415],
  ["GZIP", 415],
  ["br", 415],
  ["x", 415],
  ["identity, gzip", 415],
];

export const TYPES: readonly Row<string | string[] | null>[] = [
  ["application/json", OK],
  ["application/json; charset=utf-8", OK],
  ["APPLICATION/JSON", OK],
  ["text/plain", 415],
  ["application/x-www-form-urlencoded", 415],
  ["multipart/form-data; boundary=x", 415],
  ["application/jsonp", 415],
  ["application/json-patch+json", 415],
  ["text/plain; application/json", 415],
  ["application/json, text/plain", 415],
  [["application/json", "text/plain"], 415],
  [["text/plain", "application/json"], 415],
  ["", 415],
  [null, 415],
];

/** Methods of /mcp, with what is answered when the head is in order. */
export const METHODS: readonly Row<string>[] = [
  ["POST", OK],
  ["GET", 405],
  ["OPTIONS", 405],
  ["PUT", 405],
  ["DELETE", 405],
];

/** Headers that a proxy or a CDN adds: a request with one of them was not made by a program of this machine. */
export const FORWARDING = [
  "X-Forwarded-For",
  "X-Forwarded-Host",
  "X-Forwarded-Proto",
  "X-Forwarded-Port",
  "X-Forwarded",
  "Forwarded",
  "Forwarded-For",
  "X-Original-Forwarded-For",
  "X-Original-Host",
  "X-Original-For",
  "Via",
  "X-Real-IP",
  "X-Client-IP",
  "X-Cluster-Client-IP",
  "True-Client-IP",
  "CF-Connecting-IP",
  "CF-Ray",
  "CDN-Loop",
  "Fly-Client-IP",
  "Fastly-Client-IP",
  "X-Azure-ClientIP",
  "X-Azure-SocketIP",
  "X-Vercel-Forwarded-For",
  "X-Nf-Client-Connection-Ip",
  "X-Remote-Addr",
  "Cf-Visitor",
  "X_Real_IP",
  "X-AppEngine-User-IP",
  "X-Envoy-External-Address",
  "Tailscale-User-Name",
  "Tailscale-User-Profile-Pic",
  "Tailscale-Headers-Info",
  "Tailscale-Anything-New",
];

/** Headers of ordinary clients, Claude Code and the CLI among them. */
export const ORDINARY: Headers_ = {
  "user-agent": "claude-code/2.1.330",
  accept: "application/json, text/event-stream",
  "accept-encoding": "gzip, deflate, br",
  "accept-language": "*",
  "mcp-protocol-version": "2025-11-25",
  "mcp-session-id": "x",
  traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
  "x-client-name": "x",
  "x-request-id": "x",
  "cache-control": "no-cache",
};

/** What `tailscale serve` sends for the request of a person's machine. */
export const SERVED: Headers_ = {
  "x-forwarded-for": "100.64.0.7",
  "x-forwarded-host": "box.tail1234.ts.net",
  "x-forwarded-proto": "https",
  "tailscale-user-login": "jo@example.com",
  "tailscale-user-name": "Jo",
  "tailscale-user-profile-pic": "https://example.com/jo.png",
  "tailscale-headers-info": "https://tailscale.com/s/serve-headers",
};

/** The origin that a login is shown as: one without an @ must not look like a token's name. */
export function originOf(login: string): string {
  return login.includes("@") ? login : `${login}@`;
}

/** X-Forwarded-For of a request with a good login, and the status that answers it. */
export const CLIENTS: readonly Row<string | string[]>[] = [
  ["100.64.0.7", OK],
  ["100.127.255.254", OK],
  ["fd7a:115c:a1e0::7", OK],
  ["203.0.113.9", 401],
  ["100.128.0.1", 401],
  ["127.0.0.1", 401],
  ["100.64.0.7, 203.0.113.9", 401],
  [["100.64.0.7", "203.0.113.9"], 401],
  ["100.64.0.7:4711", 401],
  ["unknown", 401],
  ["", 401],
];

/** The login's header of a request that came through a proxy, and the status that answers it. */
export const LOGINS: readonly Row<string | string[]>[] = [
  ["jo@example.com", OK],
  ["JO@example.com", OK],
  ["jo@github", OK],
  ["jo", OK],
  [["jo@example.com", "jo@example.com"], 400],
  [["jo@example.com", "eve@example.com"], 400],
  ["jo@example.com, eve@example.com", 400],
  ["jo@example.com,eve@example.com", 400],
  [",", 400],
  ["", 400],
  [["", "jo@example.com"], 400],
  ["jo eve@example.com", 400],
  ["jo\teve@example.com", 400],
  ["j\u00f6@example.com", 400],
  ["x".repeat(255), 400],
  ["local", 403],
  ["LOCAL", 403],
  ["unverified", 403],
  ["bus", 403],
  ["anonymous", 403],
];
