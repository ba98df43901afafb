import { connect, type Socket } from "node:net";

export type Bytes = string | Uint8Array;

export interface RawAnswer {
  /** 0 when the connection was cut without an answer. */
  status: number;
  head: string;
  body: string;
}

/** Sends bytes as they are and reads one HTTP answer; rejects when none has come and the connection is open after `ms`. */
export async function raw(port: number, bytes: Bytes | Iterable<Bytes>, ms = 10_000): Promise<RawAnswer> {
  const socket = connect({ port, host: "127.0.0.1" });
  try {
    const answer = readAnswer(socket, ms);
    const pieces = typeof bytes === "string" || bytes instanceof Uint8Array ? [bytes] : bytes;
    for (const piece of pieces) {
      if (socket.destroyed) break;
      if (!socket.write(piece)) await Promise.race([drained(socket), answer]);
    }
    return await answer;
  } finally {
    socket.destroy();
  }
}

/** A POST to /mcp that closes the connection; a header given as null is left out. */
export function post(
  body: Bytes,
  headers: Record<string, string | null> = {},
  line = "POST /mcp HTTP/1.1",
): Uint8Array {
  const size = typeof body === "string" ? Buffer.byteLength(body) : body.byteLength;
  const all: Record<string, string | null> = {
    host: "127.0.0.1",
    "content-type": "application/json",
    accept: "application/json, text/event-stream",
    "content-length": String(size),
    connection: "close",
    ...headers,
  };
  const lines = Object.entries(all)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${name}: ${value}`);
  return Buffer.concat([
    Buffer.from(`${[line, ...lines].join("\r\n")}\r\n\r\n`),
    Buffer.from(body as string),
  ]);
}

/** Opens a connection that stays: nothing is read from it. */
export function hold(port: number, bytes: Bytes): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1" }, () => socket.write(bytes, () => resolve(socket)));
    socket.on("error", reject);
  });
}

/** The first answer that arrives on a connection. */
export function readAnswer(socket: Socket, ms = 10_000): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    let bytes = "";
    const timer = setTimeout(() => reject(new Error(`no answer in ${ms} ms: ${bytes.slice(0, 200)}`)), ms);
    const done = () => {
      clearTimeout(timer);
      resolve(parse(bytes));
    };
    socket.on("data", (chunk) => {
      bytes += chunk.toString("latin1");
      if (isWhole(bytes)) done();
    });
    socket.on("error", done);
    socket.on("close", done);
  });
}

function isWhole(bytes: string): boolean {
  const end = bytes.indexOf("\r\n\r\n");
  if (end < 0) return false;
  const head = bytes.slice(0, end);
  const length = /^content-length: *(\d+)/im.exec(head)?.[1];
  if (length !== undefined) return bytes.length >= end + 4 + Number(length);
  return CHUNKED.test(head) && bytes.endsWith("\r\n0\r\n\r\n");
}

function parse(bytes: string): RawAnswer {
  const [head = "", ...rest] = bytes.split("\r\n\r\n");
  const body = rest.join("\r\n\r\n");
  const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(head)?.[1] ?? 0);
  return { status, head, body: CHUNKED.test(head) ? dechunked(body) : body };
}

const CHUNKED = /^transfer-encoding: *chunked/im;

function dechunked(body: string): string {
  const [size = "", ...rest] = body.split("\r\n");
  const length = Number.parseInt(size, 16);
  if (!(length > 0)) return "";
  const text = rest.join("\r\n");
  return text.slice(0, length) + dechunked(text.slice(length + 2));
}

function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.once("drain", resolve);
    socket.once("close", () => resolve());
  });
}
