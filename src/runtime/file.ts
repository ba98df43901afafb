/** Settings are a few lines: a file beyond this is not one of them. */
const MOST_BYTES = 1024 * 1024;

/**
 * A small file's text; undefined when there is none. Opens nothing but files: a named pipe would be waited for, a device
 * might never end. @throws Error with the reason when it cannot be read.
 */
export function textOf(path: string): string | undefined {
  try {
    // Loading node:fs takes a fifth of a command's time. Bun maps no empty and no write-protected file, and none on Windows.
    if (process.versions.bun !== undefined && expectSmall(Bun.file(path).size))
      return new TextDecoder().decode(Bun.mmap(path));
  } catch (error) {
    if (isAbsent(error)) return undefined;
    if (error instanceof NoText) throw error;
  }
  try {
    const { readFileSync, statSync } = process.getBuiltinModule("node:fs");
    const found = statSync(path);
    expectSmall(found.isFile() || found.isDirectory() ? found.size : Number.POSITIVE_INFINITY);
    return readFileSync(path, "utf8");
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

class NoText extends Error {}

/** What is not a file has an infinite size for Bun. */
function expectSmall(bytes: number): true {
  if (bytes === Number.POSITIVE_INFINITY) throw new NoText("it is not a file");
  if (bytes > MOST_BYTES) throw new NoText(`it is larger than ${MOST_BYTES / 1024 / 1024} MiB`);
  return true;
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
