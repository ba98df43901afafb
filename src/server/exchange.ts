import type { JSONRPCMessage, JSONRPCRequest } from "@modelcontextprotocol/sdk/types.js";
import type { Caller } from "../bus/caller.ts";
import { around, bodyOf, type Parts } from "./parts.ts";
import { opening } from "./resume.ts";
import type { OpenCall } from "./tools.ts";

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

/** What an exchange tells of itself. */
export interface Observer {
  /** Its client went away. */
  gone(exchange: Exchange): void;
  /** Nothing more comes of it. */
  over(exchange: Exchange): void;
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
export class Exchange implements OpenCall {
  readonly response: Promise<Response>;
  readonly #parts: ExchangeParts;
  #resolve: (response: Response) => void = () => {};
  #stream: ReadableStreamDefaultController<Uint8Array> | undefined;
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
    this.#end("answered");
    if (this.#stream !== undefined) {
      this.#stream.enqueue(typeof body === "string" ? encoder.encode(body) : body.slice());
      this.#stream.close();
    } else
      this.#resolve(new Response(body, { headers: this.#headers(this.#parts.streams ? STREAM : JSON_BODY) }));
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

  #open(): ReadableStreamDefaultController<Uint8Array> {
    if (this.#stream !== undefined) return this.#stream;
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#stream = controller;
        const start = opening(this.#parts.request, this.clientId);
        if (start !== "") controller.enqueue(encoder.encode(start));
      },
      cancel: () => this.#parts.observer.gone(this),
    });
    this.#resolve(new Response(body, { headers: this.#headers(STREAM) }));
    return this.#stream as unknown as ReadableStreamDefaultController<Uint8Array>;
  }
}

const encoder = new TextEncoder();

/** A message as an event of a stream. */
export function framed(json: Parts): Parts {
  return around("event: message\ndata: ", json, "\n\n");
}

function closeQuietly(stream: ReadableStreamDefaultController<Uint8Array>): void {
  try {
    stream.close();
  } catch {
    // The client's side is closed already.
  }
}
