import type { JSONRPCRequest, RequestId } from "@modelcontextprotocol/sdk/types.js";
import type { Call } from "../../domain/call.ts";
import type { Caller } from "../../domain/caller.ts";
import { bodyOf, type Parts } from "../../lib/chunks.ts";
import type { Shares } from "../access/shares.ts";
import { framed, PIECE_BYTES, STREAM, StreamedBody } from "../sse.ts";
import { errorMessage } from "./result.ts";
import { streamStart } from "./resume.ts";

const STREAM_AFTER_MS = 5_000;
/** Most calls are answered sooner. */
export const SOON_MS = 50;
/** Hot path: made once, because a Response takes longer to read an object. */
const JSON_HEADERS = new Headers({ "content-type": "application/json" });
const STREAM_HEADERS = new Headers(STREAM);

export interface ExchangeParts {
  message: JSONRPCRequest;
  request: Request;
  caller: Caller;
  /** True if the answer may be an event stream. */
  streams: boolean;
  /** Further headers of the answer. */
  headers: Readonly<Record<string, string>> | undefined;
  shares: Shares;
  /** Called once, when the exchange ends. */
  over(): void;
}

/** One request and its answer: a whole body if it comes soon, an event stream if it takes long or reports progress. */
export class Exchange implements Call {
  readonly caller: Caller;
  /** Request id that the client chose. */
  readonly clientId: RequestId;
  /** True if the client speaks MCP as an agent's does. Its requests name the version, or the session of a handshake. */
  readonly agent: boolean;
  readonly #parts: ExchangeParts;
  readonly #responded = Promise.withResolvers<Response>();
  readonly response = this.#responded.promise;
  #stream: StreamedBody | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #unwatch: (() => void) | undefined;
  #abandoning: AbortController | undefined;
  #state: "open" | "answered" | "abandoned" = "open";

  constructor(parts: ExchangeParts) {
    this.#parts = parts;
    this.caller = parts.caller;
    this.clientId = parts.message.id;
    const { headers } = parts.request;
    this.agent = headers.has("mcp-protocol-version") || headers.has("mcp-session-id");
  }

  /** Called after SOON_MS. From here on a client that goes away is noticed, and the answer may become a stream. */
  lasts(): void {
    const { signal } = this.#parts.request;
    const gone = () => this.abandon();
    signal.addEventListener("abort", gone);
    this.#unwatch = () => signal.removeEventListener("abort", gone);
    if (signal.aborted) gone();
    else if (this.#parts.streams)
      this.#timer = setTimeout(() => this.#open().keepAlive("still running"), STREAM_AFTER_MS - SOON_MS);
  }

  /** Aborts when the client cancels or goes away. Created on first use. */
  get signal(): AbortSignal {
    this.#abandoning ??= new AbortController();
    if (this.#state === "abandoned") this.#abandoning.abort();
    return this.#abandoning.signal;
  }

  progress(elapsed: number, total: number): void {
    const { message, streams } = this.#parts;
    const progressToken = message.params?._meta?.progressToken;
    if (progressToken === undefined || !streams || this.#state !== "open") return;
    const params = { progressToken, progress: elapsed, total };
    const notification = { jsonrpc: "2.0", method: "notifications/progress", params };
    this.#open().write(String(framed(JSON.stringify(notification))));
  }

  /** Ends the exchange with this message. */
  answer(json: Parts): void {
    if (this.#state !== "open") return;
    const body = bodyOf(this.#parts.streams ? framed(json) : json);
    // A character has three bytes at most.
    if (this.caller.local || body.length * 3 <= PIECE_BYTES) this.#answerWhole(body);
    else this.#answerInPieces(bytesOf(body));
  }

  /** Ends it with an HTTP answer of its own, if nothing was sent yet. */
  refuse(response: Response): void {
    if (this.#state !== "open") return;
    this.#end("answered");
    this.#responded.resolve(response);
  }

  #answerWhole(body: string | Uint8Array<ArrayBuffer>): void {
    this.#end("answered");
    if (this.#stream !== undefined) this.#stream.end(bytesOf(body));
    else this.#respond(body);
  }

  // Unread bytes stay in memory. They count against the limit until they are read or the client is gone.
  #answerInPieces(bytes: Uint8Array): void {
    const { shares, request } = this.#parts;
    const problem = shares.answer(this.caller, bytes.byteLength);
    if (problem !== null) {
      const message = `${problem}. Read those answers first.`;
      this.answer(errorMessage(this.clientId, { code: -32000, message }));
      return;
    }
    this.#end("answered");
    const { promise, resolve: taken } = Promise.withResolvers<void>();
    promise.then(() => shares.taken(this.caller, bytes.byteLength));
    request.signal.addEventListener("abort", () => taken());
    if (request.signal.aborted) taken();
    this.#open().endInPieces(bytes, taken);
  }

  /** Ends without an answer, because the client cancelled or went away. */
  abandon(): void {
    if (this.#state !== "open") return;
    this.#end("abandoned");
    this.#abandoning?.abort();
    this.#stream?.close();
    this.#responded.resolve(new Response("", { headers: this.#parts.streams ? STREAM : {} }));
  }

  #end(state: "answered" | "abandoned"): void {
    this.#state = state;
    clearTimeout(this.#timer);
    this.#unwatch?.();
    this.#parts.over();
  }

  #open(): StreamedBody {
    if (this.#stream !== undefined) return this.#stream;
    const { request, streams } = this.#parts;
    const stream = new StreamedBody(() => this.abandon());
    this.#stream = stream;
    const start = streams ? streamStart(request, this.clientId) : "";
    if (start !== "") stream.write(start);
    this.#respond(stream.readable);
    return stream;
  }

  #respond(body: string | Uint8Array<ArrayBuffer> | ReadableStream): void {
    const { headers: further, streams } = this.#parts;
    const headers = streams ? STREAM_HEADERS : JSON_HEADERS;
    const all = further === undefined ? headers : new Headers([...Object.entries(further), ...headers]);
    this.#responded.resolve(new Response(body, { headers: all }));
  }
}

/** Copies the body, which is only valid until the next answer. */
function bytesOf(body: string | Uint8Array): Uint8Array {
  return typeof body === "string" ? new TextEncoder().encode(body) : body.slice();
}
