import { afterAll, expect, test } from "bun:test";
import { createServer, type Server, type Socket } from "node:net";
import { gzipSync } from "node:zlib";
import { type Kind, startBus } from "../support/bus.ts";
import { cli } from "../support/cli.ts";

const MIB = 1024 * 1024;
const PIECE = Buffer.alloc(64 * 1024, "x");
const CHUNK = Buffer.concat([Buffer.from(`${PIECE.length.toString(16)}\r\n`), PIECE, Buffer.from("\r\n")]);
const packed = gzipSync(Buffer.alloc(200 * MIB, "x"));
const HEAD = "HTTP/1.1 200 OK\r\n";

const servers: Server[] = [];
afterAll(() => {
  for (const server of servers) server.close();
});

/** A program in the place of a bus. Returns its URL, and how much it has sent. */
async function inItsPlace(
  answer: (socket: Socket, send: (piece: Uint8Array) => Promise<void>) => Promise<void>,
) {
  let sent = 0;
  const server = createServer((socket) => {
    socket.on("error", () => {});
    const send = (piece: Uint8Array) =>
      new Promise<void>((resolve, reject) => {
        sent += piece.length;
        socket.write(piece, (error) => (error ? reject(error) : resolve()));
      });
    socket.once("data", () => answer(socket, send).catch(() => {}));
  });
  servers.push(server);
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", () => listening()));
  return { url: `http://127.0.0.1:${(server.address() as { port: number }).port}/mcp`, sent: () => sent };
}

const pour =
  (head: string, piece: Uint8Array) => async (socket: Socket, send: (piece: Uint8Array) => Promise<void>) => {
    socket.write(`${HEAD}${head}\r\n`);
    while (socket.writable) await send(piece);
  };

const ANSWERS: [what: string, answer: Parameters<typeof inItsPlace>[0]][] = [
  ["has no length", pour("content-type: application/json\r\n", PIECE)],
  ["comes in chunks", pour("content-type: application/json\r\ntransfer-encoding: chunked\r\n", CHUNK)],
  ["is an event stream", pour("content-type: text/event-stream\r\ntransfer-encoding: chunked\r\n", CHUNK)],
  ["has a length that is too large", pour(`content-length: ${900 * MIB}\r\n`, PIECE)],
  [
    "is small, and unfolds",
    async (socket, send) => {
      socket.write(`${HEAD}content-encoding: gzip\r\ncontent-length: ${packed.length}\r\n\r\n`);
      await send(packed);
    },
  ],
];

const COMMANDS: [line: string, code: number, says: RegExp][] = [
  [
    "sessions",
    3,
    /^agent-event-bus: The server at \S+ answers with more than 16 MiB\. Ask a bus for less, or check/,
  ],
  ["events --wait 5", 3, /^agent-event-bus: The server at \S+ answers with more than 16 MiB\./],
  ["statusline", 0, /^$/],
  ["hook prompt", 0, /^$/],
];

test.each(["binary", "node"] as Kind[])("%s: a command reads at most 16 MiB of an answer", async (kind) => {
  for (const [what, answer] of ANSWERS)
    for (const [line, expected, says] of COMMANDS) {
      const { url, sent } = await inItsPlace(answer);
      const stdin = JSON.stringify({ session_id: "endless" });
      const { code, stderr } = await cli(line.split(" "), { kind, bus: { url }, stdin });
      expect([what, line, code, stderr]).toEqual([what, line, expected, expect.stringMatching(says)]);
      // Some more is on its way in buffers.
      expect([what, line, sent() < 32 * MIB]).toEqual([what, line, true]);
    }
});

test("a command reads more if the limit of the bus is set for it too", async () => {
  const limits = { PAYLOAD_BYTES: 24 * MIB, BODY_BYTES: 32 * MIB, REPLY_BYTES: 64 * MIB };
  const env = Object.fromEntries(
    Object.entries(limits).map(([name, bytes]) => [`AGENT_EVENT_BUS_LIMIT_${name}`, String(bytes)]),
  );
  const bus = await startBus("binary", { env });
  await bus.call("publish_event", { event_type: "large", payload: "x".repeat(20 * MIB) });
  const read = (more: Record<string, string>) => cli(["events", "--json"], { bus, env: more });
  expect((await read(env)).json().events[0].payload).toHaveLength(20 * MIB);
  expect((await read({})).stderr).toContain("answers with more than 16 MiB");
});
