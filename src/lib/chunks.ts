/** A text: one string, or pieces. Long pieces may be in UTF-8 already. */
export type Parts = string | readonly Piece[];
type Piece = string | Uint8Array;

/** A text between two others. */
export function around(before: string, parts: Parts, after: string): Parts {
  return typeof parts === "string" ? before + parts + after : [before, ...parts, after];
}

const SCRATCH_BYTES = 512 * 1024;
const scratch = Buffer.alloc(SCRATCH_BYTES);

/**
 * Hot path: a text as the body of a Response, which copies it at once. Bytes are valid until the next call only, because
 * one buffer serves all answers. New memory for each answer would take longer than all other work on it.
 */
export function bodyOf(parts: Parts): string | Uint8Array<ArrayBuffer> {
  if (typeof parts === "string") return parts;
  const most = parts.reduce((sum, piece) => sum + bytesAtMost(piece), 0);
  const bytes = most <= SCRATCH_BYTES ? scratch : Buffer.alloc(most);
  let at = 0;
  for (const piece of parts) {
    if (typeof piece === "string") at += bytes.write(piece, at);
    else {
      bytes.set(piece, at);
      at += piece.length;
    }
  }
  return bytes.subarray(0, at);
}

function bytesAtMost(piece: Piece): number {
  return typeof piece === "string" ? piece.length * 3 : piece.length;
}
