import { expect, test } from "bun:test";
import { deflateSync, gzipSync } from "node:zlib";
import { newest, stored } from "../support/agent.ts";
import type { TestBus } from "../support/bus.ts";
import { type Bytes, post, raw } from "../support/raw.ts";
import { callTool, rpc } from "../support/rpc.ts";

const MB = 1024 * 1024;
const CALL = publishBody("hello");

function publishBody(payload: string, id: unknown = 1): string {
  const params = { name: "publish_event", arguments: { event_type: "note", payload } };
  return JSON.stringify({ jsonrpc: "2.0", id, method: "tools/call", params });
}

/** The JSON text of a publish with a piece replaced, which JSON.stringify could not write. */
function splice(find: string, replacement: Bytes): Uint8Array {
  const [before = "", after = ""] = CALL.split(find);
  return Buffer.concat([Buffer.from(before), Buffer.from(replacement as string), Buffer.from(after)]);
}

function withArguments(text: string): string {
  return CALL.replace(/"arguments":\{[^}]*\}/, `"arguments":${text}`);
}

function nested(levels: number): string {
  return "[".repeat(levels) + "]".repeat(levels);
}

function keys(count: number): string {
  return Array.from({ length: count }, (_, i) => `"k${i}":0`).join(",");
}

const utf16 = (text: string) => Buffer.from(text, "utf16le");

/** What is sent, the status it is answered with, the JSON-RPC code. */
const REFUSED: [what: string, body: Bytes, status: number, code: number][] = [
  ["nothing", "", 400, -32700],
  ["a space", " ", 400, -32700],
  ["half a message", CALL.slice(0, 40), 400, -32700],
  ["two messages", CALL + CALL, 400, -32700],
  ["text", "hello", 400, -32700],
  ["XML", "<?xml version='1.0'?><a/>", 400, -32700],
  ["single quotes", CALL.replaceAll('"', "'"), 400, -32700],
  ["invalid UTF-8 in a text", splice("hello", Uint8Array.of(0xff, 0xfe)), 400, -32700],
  ["an overlong UTF-8 slash", splice("hello", Uint8Array.of(0xc0, 0xaf)), 400, -32700],
  ["a surrogate as UTF-8", splice("hello", Uint8Array.of(0xed, 0xa0, 0x80)), 400, -32700],
  ["a cut UTF-8 sequence", Buffer.concat([Buffer.from('"'), Uint8Array.of(0xe2, 0x82)]), 400, -32700],
  ["UTF-16", utf16(CALL), 400, -32700],
  ["UTF-16 with its mark", Buffer.concat([Uint8Array.of(0xff, 0xfe), utf16(CALL)]), 400, -32700],
  ["a raw NUL in a text", splice("hello", "a\u0000b"), 400, -32700],
  ["a NUL after the message", `${CALL}\u0000`, 400, -32700],
  ["a raw newline in a text", splice("hello", "a\nb"), 400, -32700],
  ["NaN", CALL.replace('"id":1', '"id":NaN'), 400, -32700],
  ["gzip", gzipSync(CALL), 400, -32700],
  ["deflate", deflateSync(CALL), 400, -32700],
  ["null", "null", 400, -32600],
  ["a number", "5", 400, -32600],
  ["a string", '"tools/call"', 400, -32600],
  ["an empty object", "{}", 400, -32600],
  ["an empty batch", "[]", 400, -32600],
  ["a batch of one", `[${CALL}]`, 400, -32600],
  ["a batch with equal ids", `[${CALL},${CALL}]`, 400, -32600],
  [
    "a batch that cancels itself",
    `[${CALL},{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}]`,
    400,
    -32600,
  ],
  ["no jsonrpc", CALL.replace('"jsonrpc":"2.0",', ""), 400, -32600],
  ["jsonrpc 1.0", CALL.replace('"2.0"', '"1.0"'), 400, -32600],
  ["jsonrpc as a number", CALL.replace('"2.0"', "2.0"), 400, -32600],
  ["the id null", CALL.replace('"id":1', '"id":null'), 400, -32600],
  ["a fraction as id", CALL.replace('"id":1', '"id":1.5'), 400, -32600],
  ["the id 2^64", CALL.replace('"id":1', `"id":${2n ** 64n}`), 400, -32600],
  ["the id 1e400", CALL.replace('"id":1', '"id":1e400'), 400, -32600],
  ["an object as id", CALL.replace('"id":1', '"id":{}'), 400, -32600],
  ["true as id", CALL.replace('"id":1', '"id":true'), 400, -32600],
  ["a number as method", CALL.replace('"tools/call"', "5"), 400, -32600],
  ["null as method", CALL.replace('"tools/call"', "null"), 400, -32600],
  [
    "a list as params",
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":["publish_event"]}',
    400,
    -32600,
  ],
  ["a text as params", '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":"x"}', 400, -32600],
  ["65 levels", withArguments(nested(65)), 400, -32600],
  ["a million levels", nested(MB), 400, -32600],
  ["a million levels inside a call", withArguments(nested(MB)), 400, -32600],
  ["a million open brackets", "[".repeat(MB), 400, -32700],
  ["a million levels of objects", `${'{"a":'.repeat(500_000)}1${"}".repeat(500_000)}`, 400, -32600],
];

/** The answers to both framings of a body that is too large. */
const TOO_LARGE = [5, 10, 20].map((megabytes) => publishBody("x".repeat(megabytes * MB)));

function* chunked(body: string): Generator<Bytes> {
  yield post("", { "content-length": null, "transfer-encoding": "chunked" });
  for (let at = 0; at < body.length; at += 64 * 1024) {
    const piece = body.slice(at, at + 64 * 1024);
    yield `${piece.length.toString(16)}\r\n${piece}\r\n`;
  }
  yield "0\r\n\r\n";
}

/** "Bad input", the body: an answer in time, never a 5xx, nothing stored, and the bus goes on. */
export function hostile(target: () => TestBus): void {
  async function nothingStored(send: () => Promise<void>): Promise<void> {
    const before = stored(target());
    await send();
    expect(stored(target())).toEqual(before);
    expect((await fetch(new URL("/health", target().url))).status).toBe(200);
  }

  for (const [what, body, status, code] of REFUSED)
    test(`${what} is refused with ${status} and ${code}`, async () => {
      await nothingStored(async () => {
        const answer = await rpc(target().url, body);
        expect([answer.status, answer.message?.error?.code]).toEqual([status, code]);
        expect(answer.message).toMatchObject({ jsonrpc: "2.0", id: null });
        expect(answer.text.length).toBeLessThan(500);
      });
    });

  for (const body of TOO_LARGE) {
    const size = `${Math.floor(body.length / MB)} MB`;
    test(`a body of ${size} is refused, with and without its length`, async () => {
      await nothingStored(async () => {
        const whole = await raw(target().port, [post("", { "content-length": String(body.length) }), body]);
        const pieces = await raw(target().port, chunked(body));
        // A connection that is cut while it still sends may lose the answer.
        for (const { status } of [whole, pieces]) expect([413, 0]).toContain(status);
      });
    });
  }

  test("a length beyond the bound is refused before the body comes", async () => {
    const { status } = await raw(target().port, post("", { "content-length": String(10 * MB) }));
    expect(status).toBe(413);
  });

  test("a chunked body within the bound is taken", async () => {
    expect((await raw(target().port, chunked(publishBody("in chunks")))).status).toBe(200);
    expect((await newest(target())).payload).toBe("in chunks");
  });

  test("a byte order mark is skipped", async () => {
    const answer = await rpc(
      target().url,
      Buffer.concat([Uint8Array.of(0xef, 0xbb, 0xbf), Buffer.from(CALL)]),
    );
    expect(answer.message.result.structuredContent.payload).toBe("hello");
  });

  test("a quarter of a million keys are ignored, quickly", async () => {
    const began = performance.now();
    const { message } = await rpc(
      target().url,
      withArguments(`{"event_type":"note","payload":"kept",${keys(250_000)}}`),
    );
    expect(message.result.structuredContent.payload).toBe("kept");
    const around = CALL.replace('"params"', `${keys(100_000)},"params"`);
    expect((await rpc(target().url, around)).status).toBe(200);
    expect(performance.now() - began).toBeLessThan(5_000);
  });

  test("special names of JavaScript are plain keys", async () => {
    const special =
      '"__proto__":{"payload":"no","isAdmin":true},"constructor":{"prototype":{"x":1}},"hasOwnProperty":1';
    const { message } = await rpc(
      target().url,
      withArguments(`{"event_type":"note","payload":"yes",${special}}`),
    );
    expect(message.result.structuredContent.payload).toBe("yes");
    const hidden = '{"__proto__":{"event_type":"note","payload":"no"}}';
    const answer = await rpc(target().url, withArguments(hidden));
    expect(answer.message.result).toMatchObject({ isError: true });
    for (const name of ["__proto__", "constructor", "toString"]) {
      const args = { event_type: name, payload: name, channel: name, session_id: name, correlation_id: name };
      await target().call("publish_event", args);
      expect(await newest(target())).toMatchObject({ ...args, signal_level: "info" });
      expect(
        (await target().call("get_events", { session_id: name, event_types: [name], limit: 1 })).events,
      ).toHaveLength(1);
      expect((await target().call("register_session", { name, client_id: name })).session_id).toBe(name);
    }
  });

  test("an object whose toString is no function is a wrong value like any other", async () => {
    const odd = { toString: 1, valueOf: {} };
    for (const [tool, args] of [
      ["get_events", { session_id: odd }],
      ["register_session", { name: "x", client_id: odd }],
      ["get_events", { event_types: { length: odd } }],
      ["get_events", { event_types: [odd] }],
      ["get_events", { limit: odd }],
      ["get_events", { cursor: odd }],
      ["get_events", { resume: odd }],
      ["publish_event", { event_type: "x", payload: "y", tags: { length: odd } }],
    ] as const)
      expect(await callTool(target().url, tool, args)).toMatchObject({ isError: true });
    const call = { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: odd } };
    expect((await rpc(target().url, call)).message.error.code).toBe(-32602);
    const cancel = { jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: odd } };
    expect((await rpc(target().url, cancel)).status).toBe(202);
  });

  test("the last of repeated keys counts, as in every JSON parser", async () => {
    const { message } = await rpc(target().url, CALL.replace('"payload"', '"payload":"first","payload"'));
    expect(message.result.structuredContent.payload).toBe("hello");
  });

  test("SQL changes nothing wherever it stands", async () => {
    const before = stored(target());
    for (const sql of [
      "'); DROP TABLE events;--",
      '" OR 1=1 --',
      "%' OR '1'='1",
      "x'; ATTACH '/tmp/x' AS y;--",
    ]) {
      for (const args of [
        { channel: sql },
        { event_types: [sql] },
        { correlation_id: sql },
        { cursor: sql, limit: 0 },
      ])
        expect((await target().call("get_events", args)).events).toEqual([]);
      for (const tool of ["get_events", "ack_events", "unregister_session"])
        await callTool(target().url, tool, { session_id: sql, client_id: sql, cursor: "1", resume: true });
    }
    expect(stored(target())).toEqual(before);
  });
}
