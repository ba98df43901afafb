import { type Limits, limitNote } from "../domain/limits.ts";

/** Body that a route takes. A POST of `json` needs that content type, and its handler reads it with `readBody`. */
export type BodyKind = "none" | "json";

/** Why a body is not a JSON-RPC message, with its HTTP status and JSON-RPC code. */
export class BodyError extends Error {
  readonly status: number;
  readonly code: number;
  constructor(status: number, code: number, message: string) {
    super(message);
    this.name = "BodyError";
    this.status = status;
    this.code = code;
  }
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });

/** The JSON of a body in valid UTF-8, within the limits. Throws BodyError. */
export function parseBody(body: ArrayBuffer | Uint8Array, limits: Limits): unknown {
  const bytes = body instanceof Uint8Array ? body : new Uint8Array(body);
  const over = overBound(bytes, limits);
  if (over !== null)
    throw new BodyError(
      400,
      -32600,
      `Invalid request: more than ${limits[over]} ${BOUNDED[over]}${limitNote(over)}`,
    );
  try {
    return JSON.parse(utf8.decode(bytes));
  } catch {
    throw new BodyError(400, -32700, "Parse error: the body is not JSON in UTF-8");
  }
}

const BOUNDED = {
  json_depth: "levels of nesting",
  json_values: "values",
  // Each escape stands for a byte at least, and no other text may be as long as a payload.
  payload_bytes: "escaped characters",
};

/** Of all texts beside a payload. */
const OTHER_ESCAPES = 64 * 1024;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * The bound that a JSON text passes, found in one walk over its bytes: parsing a deep one, or one of many keys, would hold
 * every other call up for seconds. Text that is not JSON is left to the parser.
 */
function overBound(
  bytes: Uint8Array,
  { json_depth, json_values, payload_bytes }: Limits,
): keyof typeof BOUNDED | null {
  const { length } = bytes;
  const most_escapes = payload_bytes + OTHER_ESCAPES;
  let depth = 0;
  let values = 1;
  let escapes = 0;
  for (let at = 0; at < length; at++) {
    switch (bytes[at]) {
      case QUOTE:
        for (at++; at < length && bytes[at] !== QUOTE; at++)
          if (bytes[at] === BACKSLASH) {
            if (++escapes > most_escapes) return "payload_bytes";
            at++;
          }
        break;
      case 0x5b: // [
      case 0x7b: // {
        if (++depth > json_depth) return "json_depth";
        values++;
        break;
      case 0x5d: // ]
      case 0x7d: // }
        depth--;
        break;
      case 0x2c: // ,
        if (++values > json_values) return "json_values";
    }
  }
  return null;
}

/** The size that a request announces; the most that it may have when it announces none. */
export function sizeOf(request: Request, most: number): number {
  const length = request.headers.get("content-length");
  return length === null ? most : Math.min(Number(length), most);
}

/** A request's body, at most so many bytes. Rejects with BodyError. */
export function readBody(request: Request, most: number): Promise<ArrayBuffer | Uint8Array> {
  const length = request.headers.get("content-length");
  if (Number(length) > most) return Promise.reject(tooLarge(most));
  return (length === null ? readChunks(request, most) : request.arrayBuffer()).catch(endedEarly);
}

/** The client left, or its chunks are no chunks. */
function endedEarly(error: unknown): never {
  throw error instanceof BodyError ? error : new BodyError(400, -32700, "Parse error: the body ended early");
}

async function readChunks(request: Request, most: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body ?? []) {
    size += chunk.byteLength;
    if (size > most) throw tooLarge(most);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function tooLarge(most: number): BodyError {
  return new BodyError(
    413,
    -32600,
    `Invalid request: the body is larger than ${most} bytes${limitNote("body_bytes")}`,
  );
}
