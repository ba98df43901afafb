import { closeSync, openSync, readSync, statSync } from "node:fs";
import { realOf } from "./private.ts";

const WRITE_VERSION_AT = 18;
const NO_WAL = 1;

/**
 * Whether the log of writes beside a database is that of another one, left when a copy took that one's place: SQLite cannot
 * tell and would play it over the copy. A copy says in its header that it has no such log; what the bus wrote says that it
 * has. To be called before this process opens the database: closing the file ends SQLite's locks on it.
 */
export function hasStrayWal(db: string): boolean {
  const path = realOf(db);
  const size = statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0;
  return size > 0 && headerOf(path)[WRITE_VERSION_AT] === NO_WAL;
}

/** Empty when the file cannot be read: SQLite says so then. */
function headerOf(path: string): Buffer {
  const header = Buffer.alloc(WRITE_VERSION_AT + 1);
  try {
    const file = openSync(path, "r");
    try {
      return header.subarray(0, readSync(file, header, 0, header.length, 0));
    } finally {
      closeSync(file);
    }
  } catch {
    return header.subarray(0, 0);
  }
}

/** What to say about it. */
export function strayWal(db: string): string {
  const path = realOf(db);
  return `${path}-wal is not of ${path}, but of the database that was there before this copy. Before the copy can be used, remove ${path}-wal and ${path}-shm.`;
}
