import { setImmediate as nextTurn } from "node:timers/promises";
import { jsonProblem } from "../domain/json_bounds.ts";
import { type LimitName, type Limits, limitNote } from "../domain/limits.ts";

/**
 * Body that a route takes. A POST of `json` needs that content type, and its handler reads it with `readJson`. `any` is text of
 * any type.
 */
export type BodyKind = "none" | "json" | "any";

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
/** Keeps every byte, because a signature counts them all. */
const exact = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A longer body is read, decoded and parsed in turns of the event loop of their own, so that other calls come between. */
const LARGE_BYTES = 256 * 1024;

/** The JSON of a request's body in valid UTF-8, within the limits. @throws BodyError when it is not. */
export async function readJson(request: Request, limits: Limits): Promise<unknown> {
  const bytes = await readBody(request, limits.body_bytes, "body_bytes");
  const isLarge = bytes.byteLength > LARGE_BYTES;
  if (isLarge) await nextTurn();
  try {
    const text = utf8.decode(bytes);
    if (isLarge) await nextTurn();
    const over = jsonProblem(text, limits);
    if (over !== null) throw invalidRequest(over);
    return JSON.parse(text);
  } catch (error) {
    throw error instanceof BodyError ? error : parseError("the body is not JSON in UTF-8");
  }
}

/** A body as text. @throws BodyError when it is larger than a limit, or not UTF-8. */
export async function readText(request: Request, limits: Limits, limit: LimitName): Promise<string> {
  const bytes = await readBody(request, limits[limit], limit);
  try {
    return exact.decode(bytes);
  } catch {
    throw parseError("the body is not text in UTF-8");
  }
}

/** The announced size of a body (bytes), or the largest allowed size if none is announced. */
export function sizeOf(request: Request, most: number): number {
  const length = request.headers.get("content-length");
  return length === null ? most : Math.min(Number(length), most);
}

/** At most `most` bytes. @throws BodyError when the body is larger or ends early. */
function readBody(request: Request, most: number, limit: LimitName): Promise<Uint8Array> {
  const length = request.headers.get("content-length");
  if (Number(length) > most) throw tooLarge(most, limit);
  return (length === null ? readChunks(request, most, limit) : request.bytes()).catch(failed);
}

// The client left, or its chunks are malformed.
function failed(error: unknown): never {
  throw error instanceof BodyError ? error : parseError("the body ended early");
}

async function readChunks(request: Request, most: number, limit: LimitName): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body ?? []) {
    size += chunk.byteLength;
    if (size > most) throw tooLarge(most, limit);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function tooLarge(most: number, limit: LimitName): BodyError {
  return invalidRequest(`the body is larger than ${most} bytes${limitNote(limit)}`, 413);
}
