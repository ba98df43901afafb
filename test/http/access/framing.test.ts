import { expect, test } from "bun:test";
import { newest } from "../../support/agent.ts";
import { startBus } from "../../support/bus.ts";
import { post, raw } from "../../support/raw.ts";
import { call } from "../../support/strangers.ts";

const CALL = call("publish_event", { event_type: "note", payload: "smuggled" });
/** A whole request of a local program. */
const HIDDEN = Buffer.from(post(CALL)).toString();
const SIZE = HIDDEN.length;
const LAST = "0\r\n\r\n";
const CHUNKED = "Transfer-Encoding: chunked";
const BOTH = LAST.length + SIZE;

/** What a stranger may send through a proxy: the rest of a head, which the proxy reads one way and a server another. */
const HEADS: [what: string, rest: string][] = [
  ["a length and chunks", `Content-Length: ${BOTH}\r\n${CHUNKED}\r\n\r\n${LAST}`],
  ["chunks and a length", `${CHUNKED}\r\nContent-Length: ${BOTH}\r\n\r\n${LAST}`],
  ["an unknown coding and a length", `Transfer-Encoding: xchunked\r\nContent-Length: ${BOTH}\r\n\r\n${LAST}`],
  ["a blank before the colon", `Transfer-Encoding : chunked\r\nContent-Length: ${BOTH}\r\n\r\n${LAST}`],
  ["no coding", "Transfer-Encoding: identity\r\n\r\n"],
  ["two lengths", `Content-Length: 0\r\nContent-Length: ${SIZE}\r\n\r\n`],
  ["two lengths in one", `Content-Length: 0, ${SIZE}\r\n\r\n`],
  ["a length with a sign", `Content-Length: +${SIZE}\r\n\r\n`],
  ["a hexadecimal length", `Content-Length: 0x${SIZE.toString(16)}\r\n\r\n`],
  ["a folded line", `Content-Length:\r\n ${SIZE}\r\n\r\n`],
  ["a chunk whose size has an odd end", `${CHUNKED}\r\n\r\n0;a=\n\r\n\r\n`],
  ["a chunk whose size has a prefix", `${CHUNKED}\r\n\r\n0x0\r\n\r\n`],
  ["a chunk with bare line feeds", `${CHUNKED}\r\n\r\n0\n\n`],
  ["a whole body", `Content-Length: ${SIZE}\r\n\r\n`],
];

/** A request whose header of a proxy a server might overlook. */
const OVERLOOKED: [what: string, lines: string][] = [
  ["a blank before the colon", "Via : x"],
  ["a line that begins with a blank", "X: y\r\n Via: x"],
  ["a line feed", "Via: x\nX: y"],
  ["a NUL", "Via\0: x"],
  ["a value that is none of ASCII", "Via: \xff"],
  ["thousands of lines before it", `${"a:\r\n".repeat(3_000)}Via: x`],
  ["190 lines before it", `${"a:\r\n".repeat(190)}Via: x`],
  ["a long line before it", `a: ${"b".repeat(15_000)}\r\nVia: x`],
];

test.each(["binary", "node"] as const)("%s: no request hides from its proxy's header", async (kind) => {
  const bus = await startBus(kind);
  const line = "POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n";
  await bus.call("publish_event", { event_type: "note", payload: "first" });
  const requests = [
    ...HEADS.map(([what, rest]) => [what, `${line}Via: x\r\n${rest}${HIDDEN}`]),
    ...OVERLOOKED.map(([what, lines]) => [
      what,
      `${line}${lines}\r\nContent-Length: ${CALL.length}\r\n\r\n${CALL}`,
    ]),
  ];
  for (const [what = "", bytes = ""] of requests) {
    const { status } = await raw(bus.port, Buffer.from(bytes, "latin1"));
    expect([what, [400, 401, 431, 0].includes(status), status]).toEqual([what, true, status]);
    expect([what, (await newest(bus)).payload]).toEqual([what, "first"]);
  }
  await bus.stop();
});
