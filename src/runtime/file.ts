/** Settings are a few lines. A larger file is something else. */
const MOST_BYTES = 1024 * 1024;

/**
 * A small file's text. Undefined if there is no file. Opens only files: a named pipe would block, and a device might never end.
 * @throws Error with the reason when it cannot be read.
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

/** True for a socket, a pipe or a device: anything but a file, a folder or nothing. */
export function isSpecial(path: string): boolean {
  // Bun reports an infinite size for anything but a file, and loading node:fs takes a fifth of a command's time.
  if (process.versions.bun !== undefined) return Bun.file(path).size === Number.POSITIVE_INFINITY;
  const found = process.getBuiltinModule("node:fs").statSync(path, { throwIfNoEntry: false });
  return found !== undefined && !found.isFile() && !found.isDirectory();
}

class NoText extends Error {}

/** Bun reports an infinite size for anything but a file. */
function expectSmall(bytes: number): true {
  if (bytes === Number.POSITIVE_INFINITY) throw new NoText("it is not a file");
  if (bytes > MOST_BYTES) throw new NoText(`it is larger than ${MOST_BYTES / 1024 / 1024} MiB`);
  return true;
}

function isAbsent(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === "ENOENT";
}

/**
 * A file's text in pieces, for a reader that may stop early.
 * @throws Error with the system's code when it cannot be read.
 */
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
