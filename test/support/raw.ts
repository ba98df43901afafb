import { connect, type NetConnectOpts, type Socket } from "node:net";

export type Bytes = string | Uint8Array;

export interface RawAnswer {
  /** 0 when the connection was cut without an answer. */
  status: number;
  head: string;
  body: string;
}

/** A port of 127.0.0.1, or the file of a unix socket. */
export type Target = number | string;

function targetOf(to: Target): NetConnectOpts {
  return typeof to === "number" ? { port: to, host: "127.0.0.1" } : { path: to };
}

/** Sends bytes as they are and reads one HTTP answer; rejects when none has come and the connection is open after `ms`. */
export async function raw(to: Target, bytes: Bytes | Iterable<Bytes>, ms = 10_000): Promise<RawAnswer> {
  const socket = connect(targetOf(to));
  try {
    const answer = readAnswer(socket, ms);
    await writeUntil(answer, socket, bytes);
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
export function hold(to: Target, bytes: Bytes): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(targetOf(to), () => socket.write(bytes, () => resolve(socket)));
    socket.on("error", reject);
  });
}

/** The first answer that arrives on a connection. */
export function readAnswer(socket: Socket, ms = 10_000): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    let bytes = "";
    const listen = (change: "on" | "off") => {
      socket[change]("data", more);
      socket[change]("error", done);
      socket[change]("close", done);
    };
    const timer = setTimeout(() => {
      listen("off");
      reject(new Error(`no answer in ${ms} ms: ${bytes.slice(0, 200)}`));
    }, ms);
    const done = () => {
      clearTimeout(timer);
      listen("off");
      resolve(parse(bytes));
    };
    const more = (chunk: Buffer) => {
      bytes += chunk.toString("latin1");
      if (isWhole(bytes)) done();
    };
    listen("on");
  });
}

function isWhole(bytes: string): boolean {
  const end = bytes.indexOf("\r\n\r\n");
  if (end < 0) return false;
  const head = bytes.slice(0, end);
  if (/^HTTP\/1\.1 204/.test(head)) return true;
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

/** Writes piece by piece, and no more once the answer is there. */
export async function writeUntil(
  answer: Promise<unknown>,
  socket: Socket,
  bytes: Bytes | Iterable<Bytes>,
): Promise<void> {
  let answered = false;
  const done = () => {
    answered = true;
  };
  answer.then(done, done);
  for (const piece of typeof bytes === "string" || bytes instanceof Uint8Array ? [bytes] : bytes) {
    if (answered || socket.destroyed) return;
    if (!socket.write(piece)) await Promise.race([drained(socket), answer]);
  }
}

function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      socket.off("drain", done).off("close", done);
      resolve();
    };
    socket.on("drain", done).on("close", done);
  });
}
