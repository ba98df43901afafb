/** A text: one string, or pieces of which the long ones are in UTF-8 already. */
export type Parts = string | readonly Piece[];
type Piece = string | Uint8Array;

/** A text between two others. */
export function around(before: string, parts: Parts, after: string): Parts {
  return typeof parts === "string" ? before + parts + after : [before, ...parts, after];
}

const SCRATCH_BYTES = 512 * 1024;
const scratch = Buffer.alloc(SCRATCH_BYTES);

/**
 * A text for a Response, which makes a copy of it at once: bytes hold until the next call only. One long string of the
 * same pieces would be new memory for each answer, and cost more than all else about it.
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
