import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import {
  type JSONRPCMessage,
  type JSONRPCRequest,
  LATEST_PROTOCOL_VERSION,
  SUPPORTED_PROTOCOL_VERSIONS,
} from "@modelcontextprotocol/sdk/types.js";
import { BodyError, readJson } from "./body.ts";
import { checkedMessage, corrected, INVALID_META, requestFor } from "./message.ts";
import { lostAnswer, opening, resumedCall } from "./resume.ts";

const STREAM_AFTER_MS = 5_000;
const KEEP_ALIVE_MS = 15_000;
const SESSION = "mcp-session-id";
const STREAM = { "content-type": "text/event-stream", "cache-control": "no-cache" };

/**
 * MCP streamable HTTP in front of one long-lived SDK server: every POST is an exchange of its own, its request id
 * rewritten to one that is unique in this process. No state outlives an exchange, so a client never notices a restart;
 * the session id that `initialize` hands out only serves to find the call that a `notifications/cancelled` means.
 */
export class HttpTransport implements Transport {
  onmessage?: NonNullable<Transport["onmessage"]>;
  onclose?: () => void;
  onerror?: (error: Error) => void;
  #exchanges = new Map<number, Exchange>();
  #cancellable = new Map<string, number>();
  #lastId = 0;

  async start(): Promise<void> {}

  async close(): Promise<void> {
    this.onclose?.();
  }

  async send(
    message: JSONRPCMessage,
    options?: { relatedRequestId?: string | number | undefined },
  ): Promise<void> {
    const id = "id" in message && !("method" in message) ? message.id : options?.relatedRequestId;
    const exchange = this.#exchanges.get(Number(id));
    if (exchange === undefined) return;
    if ("method" in message) exchange.notify(message);
    else exchange.answer(corrected({ ...message, id: exchange.clientId }));
  }

  /** Answers one HTTP request to the MCP endpoint. `local`: from a program of this machine; handlers find it in `authInfo`. */
  async handle(request: Request, local: boolean): Promise<Response> {
    const resumed = resumedCall(request);
    if (resumed !== undefined) return this.#resume(request, resumed);
    if (request.method !== "POST")
      return refuse(405, -32000, "Method not allowed: POST one JSON-RPC message", { allow: "POST" });
    const problem = headProblem(request);
    if (problem !== null) return problem;
    try {
      const message = checkedMessage(await readJson(request));
      if (!("id" in message && "method" in message)) {
        this.#accept(request, message);
        return new Response(null, { status: 202 });
      }
      return await this.#exchange(request, message as JSONRPCRequest, local);
    } catch (error) {
      if (error instanceof BodyError) return refuse(error.status, error.code, error.message);
      throw error;
    }
  }

  // The call that the stream belonged to is over: it ended with its process, or it is cancelled here.
  #resume(request: Request, id: string | number): Response {
    this.#cancel(this.#cancellable.get(cancelKey(request, id)));
    return new Response(frame(lostAnswer(id)), { headers: STREAM });
  }

  #accept(request: Request, message: JSONRPCMessage): void {
    if (!("method" in message)) return;
    if (message.method === "notifications/cancelled")
      this.#cancel(this.#cancellable.get(cancelKey(request, message.params?.requestId)));
    else this.onmessage?.(message);
  }

  #exchange(request: Request, message: JSONRPCRequest, local: boolean): Promise<Response> {
    const id = ++this.#lastId;
    const key = cancelKey(request, message.id);
    const gone = () => this.#cancel(id);
    const streams = wantsStream(request) ? opening(request, message.id) : undefined;
    const exchange = new Exchange(message.id, streams, initialHeaders(message), gone);
    request.signal.addEventListener("abort", gone);
    this.#exchanges.set(id, exchange);
    if (request.headers.has(SESSION)) this.#cancellable.set(key, id);
    exchange.onEnd = () => {
      request.signal.removeEventListener("abort", gone);
      this.#exchanges.delete(id);
      if (this.#cancellable.get(key) === id) this.#cancellable.delete(key);
    };
    const handed = requestFor(message, id);
    const authInfo = { token: "", clientId: "", scopes: [], extra: { local } };
    if (handed === null) exchange.answer({ jsonrpc: "2.0", id: message.id, error: INVALID_META });
    else this.onmessage?.(handed, { authInfo });
    return exchange.response;
  }

  #cancel(id: number | undefined): void {
    const exchange = id === undefined ? undefined : this.#exchanges.get(id);
    if (exchange === undefined) return;
    this.onmessage?.({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: id } });
    exchange.abandon();
  }
}

/** One request and its answer: a whole body when it comes soon, an event stream when it takes long or reports progress. */
class Exchange {
  readonly clientId: string | number;
  readonly response: Promise<Response>;
  onEnd: () => void = () => {};
  #resolve: (response: Response) => void = () => {};
  #stream: ReadableStreamDefaultController<Uint8Array> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #headers: Record<string, string>;
  readonly #opening: string | undefined;
  readonly #onGone: () => void;

  /** `opening` is what a stream starts with; without it the answer is never a stream. */
  constructor(
    clientId: string | number,
    opening: string | undefined,
    headers: Record<string, string>,
    onGone: () => void,
  ) {
    this.clientId = clientId;
    this.#opening = opening;
    this.#headers = opening === undefined ? headers : { ...headers, ...STREAM };
    this.#onGone = onGone;
    this.response = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    if (opening !== undefined) this.#timer = setTimeout(() => this.#keepAlive(), STREAM_AFTER_MS);
  }

  get #mayStream(): boolean {
    return this.#opening !== undefined;
  }

  answer(message: JSONRPCMessage): void {
    const json = JSON.stringify(message);
    this.#end();
    if (this.#stream !== undefined) {
      this.#stream.enqueue(frame(json));
      this.#stream.close();
    } else if (this.#mayStream) this.#resolve(new Response(frame(json), { headers: this.#headers }));
    else
      this.#resolve(
        new Response(json, { headers: { ...this.#headers, "content-type": "application/json" } }),
      );
  }

  notify(message: JSONRPCMessage): void {
    if (this.#mayStream) this.#open().enqueue(frame(JSON.stringify(message)));
  }

  /** The client cancelled or went away: nothing is answered. */
  abandon(): void {
    this.#end();
    if (this.#stream === undefined) this.#resolve(new Response("", { headers: this.#headers }));
    else closeQuietly(this.#stream);
  }

  #end(): void {
    clearTimeout(this.#timer);
    this.onEnd();
  }

  #keepAlive(): void {
    this.#open().enqueue(encoder.encode(": still running\n\n"));
    this.#timer = setTimeout(() => this.#keepAlive(), KEEP_ALIVE_MS);
  }

  #open(): ReadableStreamDefaultController<Uint8Array> {
    if (this.#stream !== undefined) return this.#stream;
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#stream = controller;
        if (this.#opening) controller.enqueue(encoder.encode(this.#opening));
      },
      cancel: () => this.#onGone(),
    });
    this.#resolve(new Response(body, { headers: this.#headers }));
    return this.#stream as unknown as ReadableStreamDefaultController<Uint8Array>;
  }
}

const encoder = new TextEncoder();

function frame(json: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(`event: message\ndata: ${json}\n\n`);
}

function closeQuietly(stream: ReadableStreamDefaultController<Uint8Array>): void {
  try {
    stream.close();
  } catch {
    // The client's side is closed already.
  }
}

function cancelKey(request: Request, id: unknown): string {
  return `${request.headers.get(SESSION)}\n${typeof id}\n${id}`;
}

function initialHeaders(message: JSONRPCRequest): Record<string, string> {
  return message.method === "initialize" ? { [SESSION]: crypto.randomUUID() } : {};
}

function wantsStream(request: Request): boolean {
  return request.headers.get("accept")?.includes("text/event-stream") === true;
}

function headProblem(request: Request): Response | null {
  const type = request.headers.get("content-type")?.split(";")[0]?.trim().toLowerCase();
  if (type !== "application/json")
    return refuse(415, -32000, "Unsupported media type: send application/json");
  const accept = request.headers.get("accept");
  if (accept !== null && !/application\/(json|\*)|text\/event-stream|\*\/\*/i.test(accept))
    return refuse(406, -32000, "Not acceptable: accept application/json, text/event-stream or both");
  const version = request.headers.get("mcp-protocol-version");
  if (version !== null && !SUPPORTED_PROTOCOL_VERSIONS.includes(version))
    return refuse(
      400,
      -32000,
      `Bad request: unsupported protocol version ${version} (supported: ${[...SUPPORTED_PROTOCOL_VERSIONS].join(", ")}; newest ${LATEST_PROTOCOL_VERSION})`,
    );
  return null;
}

function refuse(
  status: number,
  code: number,
  message: string,
  headers: Record<string, string> = {},
): Response {
  return Response.json({ jsonrpc: "2.0", error: { code, message }, id: null }, { status, headers });
}
