import { setImmediate as nextTurn } from "node:timers/promises";
import { type Limits, limitNote } from "../domain/limits.ts";

/** Body that a route takes. A POST of `json` needs that content type, and its handler reads it with `readJson`. */
export type BodyKind = "none" | "json";

/** Why a body is not a JSON-RPC message, with its HTTP status and JSON-RPC code. */
export class BodyError extends Error {
  readonly status: number;
  readonly code: number;
  constructor(status: number, code: number, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export function invalidRequest(reason: string, status = 400): BodyError {
  return new BodyError(status, -32600, `Invalid request: ${reason}`);
}

/** Why a call is not made whose connection ended with its body. No answer could arrive, and the client would send it again. */
export const CUT_OFF = "The connection ended with the body";

function parseError(reason: string): BodyError {
  return new BodyError(400, -32700, `Parse error: ${reason}`);
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });

/** A longer body is read, decoded and parsed in turns of the event loop of their own, so that other calls come between. */
const LARGE_BYTES = 256 * 1024;

/** The JSON of a request's body in valid UTF-8, within the limits. @throws BodyError when it is not. */
export async function readJson(request: Request, limits: Limits): Promise<unknown> {
  const bytes = await readBody(request, limits.body_bytes);
  const isLarge = bytes.byteLength > LARGE_BYTES;
  if (isLarge) await nextTurn();
  const over = overBound(bytes, limits);
  if (over !== null) throw invalidRequest(`more than ${limits[over]} ${BOUNDED[over]}${limitNote(over)}`);
  try {
    const text = utf8.decode(bytes);
    if (isLarge) await nextTurn();
    return JSON.parse(text);
  } catch {
    throw parseError("the body is not JSON in UTF-8");
  }
}

const BOUNDED = {
  json_depth: "levels of nesting",
  json_values: "values",
  // Each escape stands for at least one byte, and only a payload may be that long.
  payload_bytes: "escaped characters",
};

/** Escapes in all texts but the payload. */
const OTHER_ESCAPES = 64 * 1024;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * The bound that a JSON text exceeds, found in one walk over its bytes. Parsing a deep text, or one of many keys, would hold
 * up every other call for seconds. Text that is not JSON is left to the parser.
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

/** The announced size of a body (bytes), or the largest allowed size if none is announced. */
export function sizeOf(request: Request, most: number): number {
  const length = request.headers.get("content-length");
  return length === null ? most : Math.min(Number(length), most);
}

/** At most `most` bytes. @throws BodyError when the body is larger or ends early. */
async function readBody(request: Request, most: number): Promise<Uint8Array> {
  const length = request.headers.get("content-length");
  if (Number(length) > most) throw tooLarge(most);
  try {
    return length === null ? await readChunks(request, most) : new Uint8Array(await request.arrayBuffer());
  } catch (error) {
    // The client left, or its chunks are malformed.
    throw error instanceof BodyError ? error : parseError("the body ended early");
  }
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
  return invalidRequest(`the body is larger than ${most} bytes${limitNote("body_bytes")}`, 413);
}
