import type { JSONRPCMessage } from "@modelcontextprotocol/sdk/types.js";
import { messageJson } from "./answer.ts";

const STREAM_AFTER_MS = 5_000;
/** Most calls are answered sooner. */
export const SOON_MS = 50;
const KEEP_ALIVE_MS = 15_000;
/** Headers of an event stream. */
export const STREAM = { "content-type": "text/event-stream", "cache-control": "no-cache" };

/** The other side of an exchange. */
interface Client {
  /** Aborted when it goes away; made when it is first asked for. */
  signal(): AbortSignal;
  gone(): void;
}

/** One request and its answer: a whole body when it comes soon, an event stream when it takes long or reports progress. */
export class Exchange {
  readonly clientId: string | number;
  readonly response: Promise<Response>;
  onEnd: () => void = () => {};
  #resolve: (response: Response) => void = () => {};
  #stream: ReadableStreamDefaultController<Uint8Array> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #signal: AbortSignal | undefined;
  #abandoning: AbortController | undefined;
  #state: "open" | "answered" | "abandoned" = "open";
  readonly #headers: Record<string, string>;
  readonly #opening: string | undefined;
  readonly #client: Client;

  /** `opening` is what a stream starts with; without it the answer is never a stream. */
  constructor(
    clientId: string | number,
    opening: string | undefined,
    headers: Record<string, string>,
    client: Client,
  ) {
    this.clientId = clientId;
    this.#opening = opening;
    this.#headers = opening === undefined ? headers : { ...headers, ...STREAM };
    this.#client = client;
    this.response = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  /** It is open after SOON_MS: from here on it is noticed when its client goes away, and it may become a stream. */
  lasts(): void {
    const { gone } = this.#client;
    this.#signal = this.#client.signal();
    if (this.#signal.aborted) gone();
    else this.#signal.addEventListener("abort", gone);
    if (this.#mayStream && !this.#signal.aborted)
      this.#timer = setTimeout(() => this.#keepAlive(), STREAM_AFTER_MS - SOON_MS);
  }

  get #mayStream(): boolean {
    return this.#opening !== undefined;
  }

  /** Aborts when the client cancelled or went away; made when it is first asked for. */
  get abandoned(): AbortSignal {
    this.#abandoning ??= new AbortController();
    if (this.#state === "abandoned") this.#abandoning.abort();
    return this.#abandoning.signal;
  }

  answer(message: JSONRPCMessage): void {
    if (this.#state !== "open") return;
    const json = messageJson(message);
    this.#end("answered");
    if (this.#stream !== undefined) {
      this.#stream.enqueue(encoder.encode(framed(json)));
      this.#stream.close();
    } else if (this.#mayStream) this.#resolve(new Response(framed(json), { headers: this.#headers }));
    else
      this.#resolve(
        new Response(json, { headers: { ...this.#headers, "content-type": "application/json" } }),
      );
  }

  notify(message: JSONRPCMessage): void {
    if (this.#mayStream && this.#state === "open")
      this.#open().enqueue(encoder.encode(framed(JSON.stringify(message))));
  }

  /** The client cancelled or went away: nothing is answered. */
  abandon(): void {
    if (this.#state !== "open") return;
    this.#end("abandoned");
    this.#abandoning?.abort();
    if (this.#stream === undefined) this.#resolve(new Response("", { headers: this.#headers }));
    else closeQuietly(this.#stream);
  }

  #end(state: "answered" | "abandoned"): void {
    this.#state = state;
    clearTimeout(this.#timer);
    this.#signal?.removeEventListener("abort", this.#client.gone);
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
      cancel: () => this.#client.gone(),
    });
    this.#resolve(new Response(body, { headers: this.#headers }));
    return this.#stream as unknown as ReadableStreamDefaultController<Uint8Array>;
  }
}

const encoder = new TextEncoder();

/** A message as an event of a stream. */
export function framed(json: string): string {
  return `event: message\ndata: ${json}\n\n`;
}

function closeQuietly(stream: ReadableStreamDefaultController<Uint8Array>): void {
  try {
    stream.close();
  } catch {
    // The client's side is closed already.
  }
}
