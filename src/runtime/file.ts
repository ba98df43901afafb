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
