import type { Socket } from "bun";

export interface Answer {
  status: number;
  body: Buffer;
  /** `performance.now()` when its last byte was here. */
  at: number;
}

/** One keep-alive connection: a raw socket, for `fetch` costs the generator more than a bus call costs the bus. */
export class Connection {
  #socket: Socket | undefined;
  #held: Buffer | undefined;
  #done: ((answer: Answer) => void) | undefined;
  #failed: ((error: Error) => void) | undefined;

  static async open(port: number): Promise<Connection> {
    const connection = new Connection();
    const over = (why: string) => connection.#failed?.(new Error(`the server ${why}`));
    connection.#socket = await Bun.connect({
      hostname: "127.0.0.1",
      port,
      socket: {
        data: (_socket, chunk) => connection.#take(chunk),
        close: () => over("closed the connection"),
        error: (_socket, error) => over(`broke the connection: ${error.message}`),
      },
    });
    return connection;
  }

  /** Sends one request; the next one may go when `done` was called. */
  send(request: Uint8Array, done: (answer: Answer) => void, failed: (error: Error) => void): void {
    this.#done = done;
    this.#failed = failed;
    this.#socket?.write(request);
  }

  call(request: Uint8Array): Promise<Answer> {
    return new Promise((resolve, reject) => this.send(request, resolve, reject));
  }

  close(): void {
    this.#failed = undefined;
    this.#socket?.end();
  }

  #take(chunk: Buffer): void {
    const data = this.#held === undefined ? chunk : Buffer.concat([this.#held, chunk]);
    const answer = answerIn(data);
    this.#held = answer === null ? data : undefined;
    if (answer !== null) this.#done?.(answer);
  }
}

const LENGTH = /\r\ncontent-length: *(\d+)/i;
const CHUNKED = /\r\ntransfer-encoding: *chunked/i;
const LAST_CHUNK = "\r\n0\r\n\r\n";

/** The whole answer at the start of `data`; null while some of it is missing. A chunked body keeps its chunk sizes. */
export function answerIn(data: Buffer): Answer | null {
  const end = data.indexOf("\r\n\r\n");
  if (end < 0) return null;
  const head = data.toString("latin1", 0, end);
  const status = Number(head.slice(9, 12));
  const length = LENGTH.exec(head)?.[1];
  const body = data.subarray(end + 4);
  const at = performance.now();
  if (length !== undefined)
    return body.length < Number(length) ? null : { status, body: body.subarray(0, Number(length)), at };
  if (CHUNKED.test(head) && data.indexOf(LAST_CHUNK, end + 2) < 0) return null;
  return { status, body, at };
}

const TYPES = "content-type: application/json\r\naccept: application/json, text/event-stream";

export function post(path: string, body: string, headers: Readonly<Record<string, string>> = {}): Uint8Array {
  const length = Buffer.byteLength(body);
  const more = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(
    `POST ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\n${more.join("")}${TYPES}\r\ncontent-length: ${length}\r\n\r\n${body}`,
  );
}

export function get(path: string): Uint8Array {
  return Buffer.from(`GET ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n`);
}

/** The body of a call of one tool. */
export function toolCall(name: string, args: Record<string, unknown> = {}): string {
  return JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name, arguments: args } });
}

/** A call of one tool, ready to be sent to the bus. */
export function tool(name: string, args: Record<string, unknown> = {}): Uint8Array {
  return post("/mcp", toolCall(name, args));
}

/** The structured result in an answer of the bus; throws when the answer is none. */
// biome-ignore lint/suspicious/noExplicitAny: results have every shape
export function resultIn({ status, body }: Answer): any {
  const json = /\{"(?:result|jsonrpc|error)".*\}/.exec(body.toString())?.[0];
  const result = json === undefined ? undefined : JSON.parse(json).result;
  if (result?.structuredContent === undefined)
    throw new Error(`HTTP ${status}: ${body.toString().slice(0, 300)}`);
  return result.structuredContent;
}
