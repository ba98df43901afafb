import { gzipSync } from "node:zlib";
import type { Bytes } from "../raw.ts";
import { type Case, type Kind, methodText, PING, PUBLISH, sent } from "./case.ts";
import { key, pick, type Random, STRINGS, value } from "./random.ts";

const NOT_JSON: ((next: Random) => Bytes)[] = [
  () => "",
  () => " ",
  (next) => PUBLISH.slice(0, next(PUBLISH.length - 1) + 1),
  () => PUBLISH + PUBLISH,
  () => PUBLISH.replaceAll('"', "'"),
  () => PUBLISH.replace("hello", "a\u0000b"),
  () => PUBLISH.replace("hello", "a\nb"),
  () => `${PUBLISH}\u0000`,
  (next) =>
    PUBLISH.replace('"id":1', `"id":${pick(next, ["NaN", "Infinity", "01", "0x1", "+1", "undefined"])}`),
  () => gzipSync(PUBLISH),
  () => "<?xml version='1.0'?><a/>",
  (next) => "[".repeat(next(60) + 1),
];

/** No UTF-8: a bare or cut sequence, an overlong one, a surrogate, beyond the last code point. */
const SEQUENCES = [
  ...[[0xff], [0x80], [0xc0, 0xaf], [0xe2, 0x82], [0xed, 0xa0, 0x80], [0xed, 0xbf, 0xbf]],
  ...[
    [0xf0, 0x80, 0x80, 0xaf],
    [0xf4, 0x90, 0x80, 0x80],
    [0xf8, 0x88, 0x80, 0x80, 0x80],
    [0xfe, 0xff],
  ],
];

function notUtf8(next: Random): Bytes {
  if (next(3) === 0) return utf16(next);
  const [before = "", after = ""] = PUBLISH.split("hello");
  return Buffer.concat([Buffer.from(before), Uint8Array.from(pick(next, SEQUENCES)), Buffer.from(after)]);
}

function utf16(next: Random): Bytes {
  const little = Buffer.from(next(2) === 0 ? PUBLISH : `\ufeff${PUBLISH}`, "utf16le");
  return next(2) === 0 ? little : little.swap16();
}

function notRpc(next: Random): string {
  const whole = { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "publish_event" } };
  const wrong: Record<string, unknown> = {
    jsonrpc: pick(next, [undefined, null, 2, "1.0", "2", [], {}]),
    id: pick(next, [null, 0.5, true, [], {}, 2 ** 53, 1e300]),
    method: pick(next, [null, 5, true, [], {}]),
    params: pick<unknown>(next, [null, 5, "x", true, [], ["publish_event"]]),
  };
  const name = pick(next, Object.keys(wrong));
  return JSON.stringify(
    next(10) === 0 ? pick(next, [null, 5, "x", true, {}]) : { ...whole, [name]: wrong[name] },
  );
}

function batch(next: Random): string {
  const cancel = '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}';
  const parts = pick(next, [
    [],
    [PUBLISH],
    [PUBLISH, PUBLISH],
    [PUBLISH, cancel],
    Array(150).fill(PING),
    ["1", "null"],
  ]);
  return `[${parts.join(",")}]`;
}

function deep(next: Random): string {
  const levels = 65 + next(3_000);
  const nested = pick(next, [
    "[".repeat(levels) + "]".repeat(levels),
    `${'{"a":'.repeat(levels)}1${"}".repeat(levels)}`,
  ]);
  return next(2) === 0 ? nested : PUBLISH.replace('"hello"', nested);
}

/** A publish that says the payload twice over in special keys, which are no payload. */
function specialKeys(next: Random): string {
  const special = pick(next, [
    '"__proto__":{"payload":"no","event_type":"no"}',
    '"constructor":{"prototype":{"payload":"no"}}',
    '"hasOwnProperty":1,"toString":null,"valueOf":[]',
    '"payload":"first"',
  ]);
  return PUBLISH.replace('"payload"', `${special},"payload"`);
}

export function manyKeys(count: number): string {
  const keys = Array.from({ length: count }, (_, i) => `"k${i}":0`).join(",");
  return PUBLISH.replace('"payload"', `${keys},"payload"`);
}

export function stored(body: Bytes): Case {
  return {
    ...{ bytes: sent(body), statuses: [200], stores: 1 },
    holds: ({ result }) => (result.structuredContent.payload === "hello" ? null : "another payload"),
  };
}

export function refused(body: Bytes, code: number): Case {
  return { bytes: sent(body), statuses: [400], code, stores: 0 };
}

const METHODS = [
  "",
  "x",
  "tools",
  "tools/",
  "tools/call ",
  "TOOLS/CALL",
  "prompts/list",
  "rpc.discover",
  ...STRINGS,
];
const VERSIONS = ["2025-11-25", "2024-11-05", "1999-01-01", "", "__proto__"];
const URIS = [
  "",
  "agent-event-bus://",
  "agent-event-bus://guide/",
  "file:///etc/passwd",
  "http://127.0.0.1/",
  ...STRINGS,
];

/** Messages below the tools: [share, kind, maker]. */
export const MESSAGE_KINDS: readonly (readonly [number, string, Kind])[] = [
  [5, "no JSON", (next) => refused(pick(next, NOT_JSON)(next), -32700)],
  [5, "no UTF-8", (next) => refused(notUtf8(next), -32700)],
  [6, "no JSON-RPC", (next) => refused(notRpc(next), -32600)],
  [4, "a batch", (next) => refused(batch(next), -32600)],
  [3, "deep nesting", (next) => refused(deep(next), -32600)],
  [
    1,
    "a byte order mark",
    () => stored(Buffer.concat([Uint8Array.of(0xef, 0xbb, 0xbf), Buffer.from(PUBLISH)])),
  ],
  [3, "special keys", (next) => stored(specialKeys(next))],
  [1, "many keys", (next) => stored(manyKeys(1 + next(2_000)))],
  [
    4,
    "an unknown method",
    (next) => ({
      ...{ bytes: sent(methodText(pick(next, METHODS), { [key(next)]: value(next) })), statuses: [200] },
      ...{ stores: 0, holds: ({ error }) => ([-32601, -32602].includes(error?.code) ? null : "no refusal") },
    }),
  ],
  [
    3,
    "an odd id",
    (next) => {
      const id = next(2) === 0 ? pick(next, STRINGS) : (next(2) === 0 ? -1 : 1) * next(2 ** 31);
      const answers = typeof id === "string" ? id.toWellFormed() : id;
      return {
        ...{ bytes: sent(methodText("ping", undefined, id)), statuses: [200], stores: 0 },
        holds: (message) => (message.id === answers || message.id === id ? null : "another id"),
      };
    },
  ],
  [
    3,
    "a notification",
    (next) => ({
      bytes: sent(
        JSON.stringify({
          ...JSON.parse(PUBLISH),
          id: undefined,
          method: `notifications/${pick(next, STRINGS)}`,
        }),
      ),
      ...{ statuses: [202], stores: 0 },
    }),
  ],
  [
    2,
    "a message without an id",
    (next) => ({
      bytes: sent(JSON.stringify({ ...JSON.parse(PUBLISH), id: undefined, extra: value(next) })),
      ...{ statuses: [202], stores: 0 },
    }),
  ],
  [
    1,
    "an answer nobody waits for",
    (next) => ({
      bytes: sent(
        JSON.stringify({ jsonrpc: "2.0", id: next(100), [pick(next, ["result", "error"])]: value(next) }),
      ),
      ...{ statuses: [202], stores: 0 },
    }),
  ],
  [
    2,
    "an odd _meta",
    (next) => ({
      bytes: sent(
        methodText("tools/call", {
          name: "publish_event",
          _meta: pick<unknown>(next, [5, "x", true, [], { progressToken: {} }]),
        }),
      ),
      ...{ statuses: [200], code: -32602, stores: 0 },
    }),
  ],
  [
    2,
    "an odd resource",
    (next) => ({
      bytes: sent(methodText("resources/read", { uri: pick<unknown>(next, [...URIS, 5, null, {}, []]) })),
      ...{ statuses: [200], stores: 0 },
      holds: ({ error }) => ([-32002, -32602].includes(error?.code) ? null : "no refusal"),
    }),
  ],
  [
    1,
    "an odd initialize",
    (next) => ({
      bytes: sent(
        methodText("initialize", {
          ...{ protocolVersion: pick(next, VERSIONS), capabilities: {} },
          clientInfo: { name: pick(next, STRINGS), version: "1" },
        }),
      ),
      ...{ statuses: [200], stores: 0 },
      holds: ({ result }) => (typeof result?.protocolVersion === "string" ? null : "no version"),
    }),
  ],
  [
    1,
    "a cancelled call",
    (next) => ({
      bytes: sent(methodText("notifications/cancelled", { requestId: value(next) }).replace('"id":1,', "")),
      ...{ statuses: [202], stores: 0 },
    }),
  ],
];
