import type { JSONRPCMessage, JSONRPCRequest } from "@modelcontextprotocol/sdk/types.js";
import type { Call } from "../../domain/call.ts";
import type { Caller } from "../../domain/caller.ts";
import { bodyOf, type Parts } from "../../lib/chunks.ts";
import { framed, PIECE_BYTES, STREAM, StreamedBody } from "../sse.ts";
import { errorMessage } from "./result.ts";
import { streamStart } from "./resume.ts";

const STREAM_AFTER_MS = 5_000;
/** Most calls are answered sooner. */
export const SOON_MS = 50;
const JSON_BODY = { "content-type": "application/json" };

/** Receives the events of an exchange. */
export interface Observer {
  /** The client went away. */
  gone(exchange: Exchange): void;
  /** The exchange has ended. */
  over(exchange: Exchange): void;
  /** The client is about to read an answer of this size. Returns why it may not, or null. */
  handsOver(exchange: Exchange, bytes: number): string | null;
  /** The client has read that answer, or is gone. */
  handedOver(exchange: Exchange, bytes: number): void;
}

export interface ExchangeParts {
  /** Unique in this process. */
  id: number;
  message: JSONRPCRequest;
  request: Request;
  caller: Caller;
  /** True if the answer may be an event stream. */
  streams: boolean;
  /** Key of `notifications/cancelled`. Undefined if the exchange cannot be cancelled. */
  cancelKey: string | undefined;
  /** Further headers of the answer. */
  headers: Readonly<Record<string, string>> | undefined;
  observer: Observer;
}

/** One request and its answer: a whole body if it comes soon, an event stream if it takes long or reports progress. */
export class Exchange implements Call {
  readonly id: number;
  /** Request id that the client chose. */
  readonly clientId: string | number;
  readonly caller: Caller;
  readonly cancelKey: string | undefined;
  readonly #parts: ExchangeParts;
  readonly #responded = Promise.withResolvers<Response>();
  #stream: StreamedBody | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #unwatch: (() => void) | undefined;
  #abandoning: AbortController | undefined;
  #state: "open" | "answered" | "abandoned" = "open";

  constructor(parts: ExchangeParts) {
    this.#parts = parts;
    this.id = parts.id;
    this.clientId = parts.message.id;
    this.caller = parts.caller;
    this.cancelKey = parts.cancelKey;
  }

  get response(): Promise<Response> {
    return this.#responded.promise;
  }

  /** Called after SOON_MS. From here on a client that goes away is noticed, and the answer may become a stream. */
  lasts(): void {
    const { observer, request } = this.#parts;
    const { signal } = request;
    if (signal.aborted) {
      observer.gone(this);
      return;
    }
    const gone = () => observer.gone(this);
    signal.addEventListener("abort", gone);
    this.#unwatch = () => signal.removeEventListener("abort", gone);
    if (this.#parts.streams)
      this.#timer = setTimeout(() => this.#open().keepAlive("still running"), STREAM_AFTER_MS - SOON_MS);
  }

  /** Aborts when the client cancels or goes away. Created on first use. */
  get signal(): AbortSignal {
    this.#abandoning ??= new AbortController();
    if (this.#state === "abandoned") this.#abandoning.abort();
    return this.#abandoning.signal;
  }

  progress(elapsed: number, total: number): void {
    const progressToken = this.#parts.message.params?._meta?.progressToken;
    if (progressToken === undefined) return;
    const params = { progressToken, progress: elapsed, total };
    this.notify({ jsonrpc: "2.0", method: "notifications/progress", params });
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
    else this.#respond(body, this.#headers);
  }

  // Unread bytes stay in memory. They count against the limit until they are read or the client is gone.
  #answerInPieces(bytes: Uint8Array): void {
    const { observer, request, message } = this.#parts;
    const problem = observer.handsOver(this, bytes.byteLength);
    if (problem !== null) {
      this.answer(errorMessage(message.id, { code: -32000, message: `${problem}: read those first` }));
      return;
    }
    this.#end("answered");
    const taken = once(() => observer.handedOver(this, bytes.byteLength));
    request.signal.addEventListener("abort", taken);
    if (request.signal.aborted) taken();
    this.#open().endInPieces(bytes, taken);
  }

  notify(message: JSONRPCMessage): void {
    if (this.#parts.streams && this.#state === "open")
      this.#open().write(String(framed(JSON.stringify(message))));
  }

  /** Ends without an answer, because the client cancelled or went away. */
  abandon(): void {
    if (this.#state !== "open") return;
    this.#end("abandoned");
    this.#abandoning?.abort();
    if (this.#stream === undefined) this.#respond("", this.#parts.streams ? STREAM : {});
    else this.#stream.close();
  }

  #end(state: "answered" | "abandoned"): void {
    this.#state = state;
    clearTimeout(this.#timer);
    this.#unwatch?.();
    this.#parts.observer.over(this);
  }

  #open(): StreamedBody {
    if (this.#stream !== undefined) return this.#stream;
    const { observer, request, streams } = this.#parts;
    const stream = new StreamedBody(() => observer.gone(this));
    this.#stream = stream;
    const start = streams ? streamStart(request, this.clientId) : "";
    if (start !== "") stream.write(start);
    this.#respond(stream.readable, this.#headers);
    return stream;
  }

  get #headers(): Record<string, string> {
    return this.#parts.streams ? STREAM : JSON_BODY;
  }

  #respond(body: string | Uint8Array<ArrayBuffer> | ReadableStream, headers: Record<string, string>): void {
    const { headers: further } = this.#parts;
    const all = further === undefined ? headers : { ...further, ...headers };
    this.#responded.resolve(new Response(body, { headers: all }));
  }
}

/** Copies the body, which is only valid until the next answer. */
function bytesOf(body: string | Uint8Array): Uint8Array {
  return typeof body === "string" ? new TextEncoder().encode(body) : body.slice();
}

function once(act: () => void): () => void {
  let done = false;
  return () => {
    if (!done) act();
    done = true;
  };
}
