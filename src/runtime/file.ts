/** A small file's text; undefined when there is none. Throws with the system's code when it cannot be read. */
export function textOf(path: string): string | undefined {
  try {
    // Loading node:fs takes a fifth of a command's time. Bun maps no empty and no write-protected file, and none on Windows.
    // Trying it on a pipe, whose size is infinite, would take what is in it.
    if (process.versions.bun !== undefined && Bun.file(path).size !== Number.POSITIVE_INFINITY)
      return new TextDecoder().decode(Bun.mmap(path));
  } catch (error) {
    if (isAbsent(error)) return undefined;
  }
  try {
    return process.getBuiltinModule("node:fs").readFileSync(path, "utf8");
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

function isAbsent(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === "ENOENT";
}

/** A file's text in pieces, for a reader that may stop early. Throws with the system's code when it cannot be read. */
export async function* piecesOf(path: string): AsyncGenerator<string> {
  const pieces = process.versions.bun === undefined ? byNode(path) : Bun.file(path).stream();
  for await (const piece of pieces) yield new TextDecoder("latin1").decode(piece);
}

const PIECE_BYTES = 8192;

function* byNode(path: string): Generator<Uint8Array> {
  const { closeSync, openSync, readSync } = process.getBuiltinModule("node:fs");
  const file = openSync(path, "r");
  try {
    const piece = new Uint8Array(PIECE_BYTES);
    for (let length = 1; length > 0; ) {
      length = readSync(file, piece);
      yield piece.subarray(0, length);
    }
  } finally {
    closeSync(file);
  }
}
