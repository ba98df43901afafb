import type { JSONRPCMessage, JSONRPCRequest } from "@modelcontextprotocol/sdk/types.js";
import type { Call } from "../../domain/call.ts";
import type { Caller } from "../../domain/caller.ts";
import { around, bodyOf, type Parts } from "../../lib/chunks.ts";
import { errorMessage } from "./result.ts";
import { opening } from "./resume.ts";

const STREAM_AFTER_MS = 5_000;
/** Most calls are answered sooner. */
export const SOON_MS = 50;
const KEEP_ALIVE_MS = 15_000;
/** Headers of an event stream. */
export const STREAM = {
  // Clients that read Latin-1 where no charset is named would break every other letter.
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-cache",
  // A proxy that collects the answer first would hold back progress and keep-alives.
  "x-accel-buffering": "no",
};
const JSON_BODY = { "content-type": "application/json" };

type Controller = ReadableStreamDefaultController<Uint8Array>;

/** A longer answer is handed over piece by piece, as its client reads it, bytes. */
const PIECE_BYTES = 64 * 1024;

/** What an exchange tells of itself. */
export interface Observer {
  /** Its client went away. */
  gone(exchange: Exchange): void;
  /** Nothing more comes of it. */
  over(exchange: Exchange): void;
  /** Its client begins to read an answer of so many bytes; or why it may not. */
  handsOver(exchange: Exchange, bytes: number): string | null;
  /** Its client has read that answer, or is gone. */
  handedOver(exchange: Exchange, bytes: number): void;
}

export interface ExchangeParts {
  /** Unique in this process. */
  id: number;
  message: JSONRPCRequest;
  request: Request;
  caller: Caller;
  /** Whether the answer may be an event stream. */
  streams: boolean;
  /** What a `notifications/cancelled` finds it by; undefined when none can mean it. */
  cancelKey: string | undefined;
  /** Further headers of the answer. */
  headers: Readonly<Record<string, string>> | undefined;
  observer: Observer;
}

/** One request and its answer: a whole body when it comes soon, an event stream when it takes long or reports progress. */
export class Exchange implements Call {
  readonly response: Promise<Response>;
  readonly #parts: ExchangeParts;
  #resolve: (response: Response) => void = () => {};
  #stream: Controller | undefined;
  /** Hands over the next piece of the answer, once there is one. */
  #pieces: PromiseWithResolvers<(stream: Controller) => void> | undefined;
  #cancelled: () => void = () => {};
  #timer: ReturnType<typeof setTimeout> | undefined;
  #unwatch: (() => void) | undefined;
  #abandoning: AbortController | undefined;
  #state: "open" | "answered" | "abandoned" = "open";

  constructor(parts: ExchangeParts) {
    this.#parts = parts;
    this.response = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  get id(): number {
    return this.#parts.id;
  }

  /** The id that its client gave it. */
  get clientId(): string | number {
    return this.#parts.message.id;
  }

  get caller(): Caller {
    return this.#parts.caller;
  }

  get cancelKey(): string | undefined {
    return this.#parts.cancelKey;
  }

  /** It is open after SOON_MS: from here on it is noticed when its client goes away, and it may become a stream. */
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
    if (this.#parts.streams) this.#timer = setTimeout(() => this.#keepAlive(), STREAM_AFTER_MS - SOON_MS);
  }

  /** Aborts when the client cancelled or went away; made when it is first asked for. */
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

  /** Ends it with this message. */
  answer(json: Parts): void {
    if (this.#state !== "open") return;
    const body = bodyOf(this.#parts.streams ? framed(json) : json);
    if (this.#parts.caller.local || body.length <= PIECE_BYTES / 3) this.#answerWhole(body);
    else this.#answerInPieces(bytesOf(body));
  }

  /** Ends it with an HTTP answer of its own; before anything was sent. */
  refuse(response: Response): void {
    if (this.#state !== "open") return;
    this.#end("answered");
    this.#resolve(response);
  }

  #answerWhole(body: string | Uint8Array<ArrayBuffer>): void {
    this.#end("answered");
    if (this.#stream !== undefined) {
      this.#stream.enqueue(bytesOf(body));
      this.#stream.close();
    } else
      this.#resolve(new Response(body, { headers: this.#headers(this.#parts.streams ? STREAM : JSON_BODY) }));
  }

  // What a client does not read stays in memory: it counts until it is read, or the client is gone.
  #answerInPieces(bytes: Uint8Array): void {
    const { observer, request, streams, message } = this.#parts;
    const problem = observer.handsOver(this, bytes.byteLength);
    if (problem !== null) {
      this.answer(errorMessage(message.id, { code: -32000, message: `${problem}: read those first` }));
      return;
    }
    this.#end("answered");
    const taken = once(() => observer.handedOver(this, bytes.byteLength));
    request.signal.addEventListener("abort", taken);
    if (request.signal.aborted) taken();
    this.#cancelled = taken;
    this.#open(streams ? STREAM : JSON_BODY);
    let at = 0;
    this.#pieces?.resolve((stream) => {
      stream.enqueue(bytes.subarray(at, at + PIECE_BYTES));
      at += PIECE_BYTES;
      if (at < bytes.byteLength) return;
      stream.close();
      taken();
    });
  }

  #headers(of: Readonly<Record<string, string>>): Record<string, string> {
    const { headers } = this.#parts;
    return headers === undefined ? of : { ...headers, ...of };
  }

  notify(message: JSONRPCMessage): void {
    if (this.#parts.streams && this.#state === "open")
      this.#open().enqueue(encoder.encode(String(framed(JSON.stringify(message)))));
  }

  /** The client cancelled or went away: nothing is answered. */
  abandon(): void {
    if (this.#state !== "open") return;
    this.#end("abandoned");
    this.#abandoning?.abort();
    if (this.#stream === undefined)
      this.#resolve(new Response("", { headers: this.#headers(this.#parts.streams ? STREAM : {}) }));
    else closeQuietly(this.#stream);
  }

  #end(state: "answered" | "abandoned"): void {
    this.#state = state;
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    this.#unwatch?.();
    this.#parts.observer.over(this);
  }

  #keepAlive(): void {
    this.#open().enqueue(encoder.encode(": still running\n\n"));
    this.#timer = setTimeout(() => this.#keepAlive(), KEEP_ALIVE_MS);
  }

  #open(headers = STREAM as Readonly<Record<string, string>>): Controller {
    if (this.#stream !== undefined) return this.#stream;
    const pieces = Promise.withResolvers<(stream: Controller) => void>();
    this.#pieces = pieces;
    const source = {
      start: (stream: Controller) => {
        this.#stream = stream;
        const start = headers === STREAM ? opening(this.#parts.request, this.clientId) : "";
        if (start !== "") stream.enqueue(encoder.encode(start));
      },
      pull: async (stream: Controller) => (await pieces.promise)(stream),
      cancel: () => {
        this.#cancelled();
        this.#parts.observer.gone(this);
      },
    };
    // Nothing is asked for ahead of the connection.
    this.#resolve(
      new Response(new ReadableStream(source, { highWaterMark: 0 }), { headers: this.#headers(headers) }),
    );
    return this.#stream as unknown as Controller;
  }
}

/** A copy: the body holds until the next answer only. */
function bytesOf(body: string | Uint8Array): Uint8Array {
  return typeof body === "string" ? encoder.encode(body) : body.slice();
}

function once(act: () => void): () => void {
  let done = false;
  return () => {
    if (!done) act();
    done = true;
  };
}

const encoder = new TextEncoder();

/** A message as an event of a stream. */
export function framed(json: Parts): Parts {
  return around("event: message\ndata: ", json, "\n\n");
}

function closeQuietly(stream: Controller): void {
  try {
    stream.close();
  } catch {
    // The client's side is closed already.
  }
}
