// Values of heads that are not what a client of the bus sends.

export const GARBAGE = [
  ...["", " ", "x", "Bearer", "null", "é\xff", "../..", "%00", "'); DROP TABLE events;--"],
  "a".repeat(2_000),
];

/** Headers of a proxy: who sends them needs a token or a login. */
export const FORWARDING = [
  ...["X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-garbage", "X-Real-IP"],
  ...["Forwarded", "Via", "Tailscale-User-Name", "Tailscale-Headers-Info", "tailscale-x"],
  ...["CF-Connecting-IP", "True-Client-IP"],
];

export const HOSTS = [
  ...["evil.example", "127.0.0.1.evil.example", "evil.example:80", "x", "[::2]", "0.0.0.0", "127.0.0.1."],
  ...["localhost.evil", "", "a@b", "127.0.0.1:port", "127.0.0.1:123456", "127.0.0.1, evil.example"],
  ...["127.0.0.1/x", "[", "é\xff", "a".repeat(3_000)],
];

export const ORIGINS = [
  ...["http://evil.example", "null", "", "x", "chrome-extension://abc", "http://127.0.0.1.evil.example"],
  ...["file://", "é"],
];

export const TYPES = [
  ...[null, "", "text/plain", "application/jsonx", "application/x-www-form-urlencoded"],
  ...["multipart/form-data", "*/*", "é"],
];

export const LOGINS = ["", "a b", "a,b", "a@example.com, b@example.com", "é@example.com", "x".repeat(300)];

export const PATHS = [
  ...["/", "//mcp", "/MCP", "/aa/mcp", "/mcp%00", "/mcp;x", "/healthz", "/health/../x", "/.env", "*", "mcp"],
  ...["/\xff", "/é", "/__proto__", "/constructor", `/${"a".repeat(10_000)}`],
];

/** Other ways to write the path of the bus. */
export const SAME_PATHS = ["/mcp/../mcp", "/%2e%2e/mcp", "/mcp\\", "/mcp/", "/mcp?x", "http://127.0.0.1/mcp"];

export const METHODS = ["GET", "DELETE", "PUT", "PATCH", "OPTIONS"];
export const NO_METHODS = ["FOO", "get", "TRACE", "CONNECT", "PRI", "__proto__", "POSTPOST", "P\0ST", ""];

/** First lines; the last one is how TLS begins. */
export const LINES = [
  ...["POST /mcp HTTP/9.9", "POST", "", "\0", "hello"],
  ...["POST /mcp HTTP/1.1x", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"],
];

export const ACCEPTED = [null, "*/*", "application/json", "text/event-stream", "application/*"];
export const NOT_ACCEPTED = ["text/html", "image/png", "x", "é", "application/xml"];
export const VERSIONS = ["2099-01-01", "1", "x", "__proto__", "é", "a".repeat(2_000)];
export const OTHER_CREDENTIALS = ["Basic eDp5", "Digest x", "bearerx", "x", "", "Negotiate", "\xff"];
export const EVENT_IDS = [
  "1",
  '"x"',
  "%22x%22",
  "%E0%A4%A",
  "null",
  "1.5",
  "[]",
  "{}",
  "",
  "é",
  "%00",
  "9".repeat(2_000),
];
