import { around, type Parts } from "../lib/chunks.ts";

export const KEEP_ALIVE_MS = 15_000;
const RETRY_MS = 1_000;
const LONGEST_ID = 1_000;
/** A longer text for another machine is handed over piece by piece, as its client reads it (bytes). */
export const PIECE_BYTES = 64 * 1024;

/** Headers of an event stream. */
export const STREAM = {
  // Clients that read Latin-1 where no charset is named would break every other letter.
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-cache",
  // A proxy that collects the answer first would hold back progress and keep-alives.
  "x-accel-buffering": "no",
};

/** A message as one event of a stream. */
export function framed(json: Parts): Parts {
  return around("event: message\ndata: ", json, "\n\n");
}

/** First event of a stream, without data. Its id lets the client ask for the stream again. Empty if the id is too long. */
export function opening(id: unknown): string {
  const eventId = encodeURIComponent(JSON.stringify(id));
  return eventId.length > LONGEST_ID ? "" : `id: ${eventId}\nretry: ${RETRY_MS}\ndata: \n\n`;
}

/** The id that `opening` gave to the stream that a request asks for. Undefined if it asks for no stream. */
export function resumedId(request: Request): unknown {
  const eventId = request.headers.get("last-event-id");
  if (request.method !== "GET" || eventId === null || eventId.length > LONGEST_ID) return undefined;
  try {
    return JSON.parse(decodeURIComponent(eventId));
  } catch {
    return undefined;
  }
}

const encoder = new TextEncoder();

/** A body that is written while its client reads it. */
export class StreamedBody {
  readonly readable: ReadableStream<Uint8Array>;
  readonly #rest = Promise.withResolvers<() => void>();
  #controller!: ReadableStreamDefaultController<Uint8Array>;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #taken: () => void = () => {};

  /** `gone` is called when the client stops reading. */
  constructor(gone: () => void) {
    const source = {
      start: (controller: ReadableStreamDefaultController<Uint8Array>) => {
        this.#controller = controller;
      },
      pull: async () => (await this.#rest.promise)(),
      cancel: () => {
        clearTimeout(this.#timer);
        this.#taken();
        gone();
      },
    };
    // Reads nothing ahead of the connection.
    this.readable = new ReadableStream(source, { highWaterMark: 0 });
  }

  write(text: string): void {
    this.#controller.enqueue(encoder.encode(text));
  }

  /** Writes a comment now and every 15 s until the end. */
  keepAlive(comment: string): void {
    this.write(`: ${comment}\n\n`);
    this.#timer = setTimeout(() => this.keepAlive(comment), KEEP_ALIVE_MS);
  }

  /** Ends with these bytes in one piece. */
  end(bytes: Uint8Array): void {
    this.#controller.enqueue(bytes);
    this.close();
  }

  /** Ends with these bytes, piece by piece. Calls `taken` when the client has read them or stops reading. */
  endInPieces(bytes: Uint8Array, taken: () => void): void {
    clearTimeout(this.#timer);
    this.#taken = taken;
    let at = 0;
    this.#rest.resolve(() => {
      this.#controller.enqueue(bytes.subarray(at, at + PIECE_BYTES));
      at += PIECE_BYTES;
      if (at < bytes.byteLength) return;
      this.#controller.close();
      taken();
    });
  }

  close(): void {
    clearTimeout(this.#timer);
    try {
      this.#controller.close();
    } catch {
      // The client's side is closed already.
    }
  }
}

/** A body whose client takes each piece. Nothing is made for a client that does not read. */
export class PulledBody {
  readonly readable: ReadableStream<Uint8Array>;
  #controller!: ReadableStreamDefaultController<Uint8Array>;

  /** `next` resolves with the next piece, or with null at the end. `gone` is called when the client stops reading. */
  constructor(next: () => Promise<Uint8Array | null>, gone: () => void) {
    const source = {
      start: (controller: ReadableStreamDefaultController<Uint8Array>) => {
        this.#controller = controller;
      },
      pull: async () => {
        const piece = await next();
        if (piece === null) this.close();
        else this.#put(piece);
      },
      cancel: gone,
    };
    this.readable = new ReadableStream(source, { highWaterMark: 0 });
  }

  close(): void {
    try {
      this.#controller.close();
    } catch {
      // The client's side is closed already.
    }
  }

  #put(piece: Uint8Array): void {
    try {
      this.#controller.enqueue(piece);
    } catch {
      // The client went away meanwhile.
    }
  }
}

/** One event of a stream. `data` is JSON, which holds no line breaks. */
export function messageOf(name: string, data: string, id?: string): string {
  return `event: ${name}\n${id === undefined ? "" : `id: ${id}\n`}data: ${data}\n\n`;
}

/** Keeps a silent connection open. */
export const COMMENT = ": still here\n\n";
