import { type Limits, limitNote } from "../bus/limits.ts";

/** Why a body is no JSON-RPC message, with its HTTP status and JSON-RPC code. */
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
export function parseBody(bytes: ArrayBuffer | Uint8Array, limits: Limits): unknown {
  let value: unknown;
  try {
    value = JSON.parse(utf8.decode(bytes));
  } catch {
    throw new BodyError(400, -32700, "Parse error: the body is not JSON in UTF-8");
  }
  const levels = limits.json_depth;
  if (tooDeep(value, levels))
    throw new BodyError(
      400,
      -32600,
      `Invalid request: more than ${levels} levels of nesting${limitNote("json_depth")}`,
    );
  return value;
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

function tooDeep(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (levels === 0) return true;
  if (Array.isArray(value)) return value.some((item) => tooDeep(item, levels - 1));
  for (const name in value) if (tooDeep((value as Record<string, unknown>)[name], levels - 1)) return true;
  return false;
}
