import { around, type Parts } from "../lib/chunks.ts";

const KEEP_ALIVE_MS = 15_000;
const RETRY_MS = 1_000;
const LONGEST_ID = 1_000;
/** A long text is handed over piece by piece, as its client reads it (bytes). */
const PIECE_BYTES = 64 * 1024;

/** Headers of an event stream. */
export const STREAM = {
  // Clients that read Latin-1 where no charset is named would break every other letter.
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-cache",
  // A proxy that collects the answer first would hold back progress and keep-alives.
  "x-accel-buffering": "no",
};

/** A message as an event of a stream. */
export function framed(json: Parts): Parts {
  return around("event: message\ndata: ", json, "\n\n");
}

/** An event without data whose id names a stream, so that its client can ask for it again. Empty if the id is too long. */
export function opening(id: unknown): string {
  const eventId = encodeURIComponent(JSON.stringify(id));
  return eventId.length > LONGEST_ID ? "" : `id: ${eventId}\nretry: ${RETRY_MS}\ndata: \n\n`;
}

/** The id that `opening` gave to the stream that a request asks for; undefined if there is none. */
export function resumedId(request: Request): unknown {
  const eventId = request.headers.get("last-event-id");
  if (request.method !== "GET" || eventId === null || eventId.length > LONGEST_ID) return undefined;
  try {
    return JSON.parse(decodeURIComponent(eventId));
  } catch {
    return undefined;
  }
}

/** True if a text of that many bytes is handed over in one piece. */
export function isOnePiece(bytes: number): boolean {
  return bytes <= PIECE_BYTES;
}

const encoder = new TextEncoder();

/** A body that is written while its client reads it. Nothing is asked for ahead of the connection. */
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

  /** Ends with these bytes, at once. */
  end(bytes: Uint8Array): void {
    clearTimeout(this.#timer);
    this.#controller.enqueue(bytes);
    this.#controller.close();
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

  /** Ends without a further word. */
  close(): void {
    clearTimeout(this.#timer);
    try {
      this.#controller.close();
    } catch {
      // The client's side is closed already.
    }
  }
}
