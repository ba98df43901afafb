import type { Bytes } from "../raw.ts";
import { type Case, type Kind, PING, PUBLISH, sent } from "./case.ts";
import { pick, type Random } from "./random.ts";
import * as odd from "./wire_values.ts";

type Headers = Record<string, string | null>;

/** A ping with other headers, which must be answered with one of these statuses. */
function ping(headers: Headers, statuses: readonly number[], more: Partial<Case> = {}): Case {
  return { bytes: sent(PING, headers), statuses, stores: 0, ...more };
}

function plainly(headers: Headers, ...statuses: number[]): Case {
  return ping(headers, statuses, { plain: true });
}

/** A publish with another first line. */
function line(first: string, statuses: readonly number[], headers: Headers = {}): Case {
  const request = Buffer.from(sent(PUBLISH, headers)).toString();
  const bytes = Buffer.from(`${first}${request.slice(request.indexOf("\r\n"))}`, "latin1");
  return { bytes, statuses, stores: 0, plain: true };
}

// The runtime refuses it before the bus sees it; 505 is its word for what it takes for another version of HTTP.
const NO_REQUEST = [400, 404, 405, 505, 0];

function manyHeaders(next: Random): Headers {
  return Object.fromEntries(Array.from({ length: 300 + next(500) }, (_, i) => [`x-${i}`, "1"]));
}

/** As `tailscale serve` hands on the request of that login. */
function served(login: string): Headers {
  return { "x-forwarded-for": "100.64.0.7", "tailscale-user-login": login };
}

function oddHeaders(next: Random): Headers {
  const name = `x-${pick(next, ["a", "__proto__", "y".repeat(200)])}`;
  return { [name]: pick(next, odd.GARBAGE), cookie: pick(next, odd.GARBAGE) };
}

/** On a connection of its own, which may be cut. */
function alone(sample: Case): Case {
  return { ...sample, alone: true };
}

function chunked(next: Random): Case {
  const body = Buffer.from(PUBLISH);
  const pieces: Bytes[] = [sent("", { "content-length": null, "transfer-encoding": "chunked" })];
  for (let at = 0; at < body.length; ) {
    const piece = body.subarray(at, at + 1 + next(60));
    pieces.push(Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from("\r\n")]));
    at += piece.length;
  }
  return {
    bytes: Buffer.concat([...pieces, Buffer.from("0\r\n\r\n")].map((piece) => Buffer.from(piece as string))),
    statuses: [200],
    stores: 1,
  };
}

function badFraming(next: Random): Case {
  const head = (headers: Headers) =>
    Buffer.from(sent("", { "content-length": null, ...headers })).toString("latin1");
  const te = { "transfer-encoding": "chunked" };
  const bytes = pick(next, [
    `${head(te)}zz\r\nhello\r\n0\r\n\r\n`,
    `${head(te)}-1\r\nhello\r\n0\r\n\r\n`,
    `${head(te)}fffffffffffffffff\r\nhello\r\n`,
    `${head({ ...te, "content-length": "5" })}0\r\n\r\n`,
    `${head({ "content-length": "-1" })}hello`,
    `${head({ "content-length": "abc" })}hello`,
    `${head({ "content-length": "5, 6" })}hello!`,
    `${head({ "content-length": "1e1" })}hellohello`,
    `${head({ "transfer-encoding": "gzip" })}hello`,
    `${head({ "content-length": "99999999999999999999" })}hello`,
  ]);
  return { bytes, statuses: [400, 413, 415, 501, 0], stores: 0, plain: true, alone: true };
}

/** Half a request, and then nobody. */
function abandoned(next: Random): Case {
  const whole = sent(PUBLISH);
  const bytes = whole.slice(0, 1 + next(whole.length - 1));
  return { bytes, statuses: [400, 0], stores: 0, plain: true, alone: true, leaves: true };
}

type Entry = readonly [share: number, name: string, make: Kind];

const HEADERS: readonly Entry[] = [
  [2, "any Accept that is served", (next) => ping({ accept: pick(next, odd.ACCEPTED) }, [200])],
  [2, "another Accept", (next) => ping({ accept: pick(next, odd.NOT_ACCEPTED) }, [406], { code: -32000 })],
  [2, "another content type", (next) => plainly({ "content-type": pick(next, odd.TYPES) }, 415)],
  [
    2,
    "another protocol version",
    (next) => ping({ "mcp-protocol-version": pick(next, odd.VERSIONS) }, [400], { code: -32000 }),
  ],
  [1, "no envelope", () => ping({ "mcp-protocol-version": "2026-07-28" }, [400], { code: -32602 })],
  [3, "another Host", (next) => alone(plainly({ host: pick(next, odd.HOSTS) }, 400, 421, 0))],
  [1, "no Host", () => alone(plainly({ host: null }, 400, 0))],
  [
    1,
    "two Hosts",
    (next) => alone(plainly({ host: `127.0.0.1\r\nHost: ${pick(next, odd.HOSTS)}` }, 400, 421, 0)),
  ],
  [2, "another Origin", (next) => plainly({ origin: pick(next, odd.ORIGINS) }, 403)],
  [
    1,
    "another site",
    (next) => plainly({ "sec-fetch-site": pick(next, ["cross-site", "same-site", "x", ""]) }, 403),
  ],
  [2, "odd headers", (next) => ping(oddHeaders(next), [200])],
  [
    1,
    "a huge header",
    (next) => alone(plainly({ "x-huge": "a".repeat(40_000 + next(60_000)) }, 431, 400, 413, 0)),
  ],
  [1, "hundreds of headers", (next) => alone(plainly(manyHeaders(next), 200, 431, 400, 0))],
];

const CALLERS: readonly Entry[] = [
  [
    2,
    "a wrong token",
    (next) =>
      plainly(
        { authorization: `${pick(next, ["Bearer", "bearer", "BEARER"])} ${pick(next, odd.GARBAGE)}` },
        401,
      ),
  ],
  [1, "another Authorization", (next) => ping({ authorization: pick(next, odd.OTHER_CREDENTIALS) }, [200])],
  [
    3,
    "a forwarded request",
    (next) =>
      plainly({ [pick(next, odd.FORWARDING)]: pick(next, ["127.0.0.1", "for=x", ...odd.GARBAGE]) }, 401),
  ],
  [
    1,
    "the internet",
    (next) => plainly({ "tailscale-funnel-request": pick(next, ["?1", ...odd.GARBAGE]) }, 403),
  ],
  [1, "a login", (next) => ping(served(`user${next(1_000)}@example.com`), [200])],
  [1, "a typed login", (next) => plainly({ "tailscale-user-login": `user${next(1_000)}@example.com` }, 401)],
  [1, "no login", (next) => plainly(served(pick(next, odd.LOGINS)), 400)],
  [1, "two logins", () => plainly(served("a@example.com\r\nTailscale-User-Login: b@example.com"), 400)],
];

const LINES: readonly Entry[] = [
  [2, "another method", (next) => line(`${pick(next, odd.METHODS)} /mcp HTTP/1.1`, [405])],
  [1, "no method", (next) => alone(line(`${pick(next, odd.NO_METHODS)} /mcp HTTP/1.1`, NO_REQUEST))],
  [
    3,
    "another path",
    (next) => alone(line(`POST ${pick(next, odd.PATHS)} HTTP/1.1`, [404, 400, 421, 414, 431, 0])),
  ],
  [
    1,
    "the same path",
    (next) => ({
      ...alone(line(`POST ${pick(next, odd.SAME_PATHS)} HTTP/1.1`, [200, 404, 400])),
      stores: undefined,
    }),
  ],
  [1, "no request line", (next) => alone(line(pick(next, odd.LINES), NO_REQUEST))],
  [
    1,
    "an odd stream",
    (next) => line("GET /mcp HTTP/1.1", [200, 405], { "last-event-id": pick(next, odd.EVENT_IDS) }),
  ],
  [1, "the health", (next) => line(`GET /health${pick(next, ["", "?x=1", "?"])} HTTP/1.1`, [200])],
];

/** Requests that are odd before their body is read. */
export const WIRE_KINDS: readonly Entry[] = [
  [4, "a chunked body", chunked],
  [1, "bad framing", badFraming],
  [1, "an abandoned request", abandoned],
  ...HEADERS,
  ...CALLERS,
  ...LINES,
];
