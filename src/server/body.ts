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

/** The JSON of a request's body, in valid UTF-8 and within the limits. Throws BodyError. */
export async function readJson(request: Request, limits: Limits): Promise<unknown> {
  const bytes = await readBytes(request, limits.body_bytes);
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

async function readBytes(request: Request, most: number): Promise<Uint8Array> {
  if (Number(request.headers.get("content-length")) > most) throw tooLarge(most);
  try {
    if (request.headers.has("content-length")) return new Uint8Array(await request.arrayBuffer());
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of request.body ?? []) {
      size += chunk.byteLength;
      if (size > most) throw tooLarge(most);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  } catch (error) {
    if (error instanceof BodyError) throw error;
    // The client left, or its chunks are no chunks.
    throw new BodyError(400, -32700, "Parse error: the body ended early");
  }
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
  for (const item of Object.values(value)) if (tooDeep(item, levels - 1)) return true;
  return false;
}
