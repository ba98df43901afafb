import { attempt } from "../lib/attempt.ts";
import { type Database, openDatabase } from "../runtime/runtime.ts";
import { rescue } from "./backup.ts";
import { troubleOf } from "./faults.ts";
import type { FileWatch } from "./file_watch.ts";

export interface OpenFile {
  path: string;
  db: Database;
  watch: FileWatch;
  isDamaged: boolean;
  /** Wall clock (ms). */
  now(): number;
}

/**
 * Folds the log of writes into the file and closes it. Returns a sentence about the copy that was written if the file was
 * gone, otherwise null.
 */
export function closeFile({ path, db, watch, isDamaged, now }: OpenFile): string | null {
  const displaced = watch.look();
  const told = displaced?.onlyHere ? rescued(db, path, now()) : null;
  // Closing removes the log at the path, which is another database's if that has taken the place of this one.
  const isFoldable = displaced === null || (displaced.foldable && db.keepLog());
  if (isDamaged || !isFoldable) keepUnfolded(db, path);
  else {
    foldIn(db);
    db.close();
    watch.end();
  }
  return told;
}

// On a full disk the log of writes stays beside the database. The next start folds it in.
function foldIn(db: Database): void {
  try {
    db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  } catch (error) {
    if (troubleOf(error) === null) throw error;
  }
}

// Folding the log of writes into a damaged file would change it, and a runtime that exits does so unasked. An open
// transaction prevents that, and so does a connection that may not write.
function keepUnfolded(db: Database, path: string): void {
  attempt(() => leaveOpen(db));
  attempt(() => leaveOpen(openDatabase(path, { readonly: true })));
}

// A database that cannot be read cannot be folded in.
function leaveOpen(connection: Database): void {
  connection.exec("BEGIN");
  connection.prepare("SELECT count(*) FROM sqlite_schema").get();
}

function rescued(db: Database, path: string, now: number): string {
  try {
    return `the data of the bus was saved to ${rescue(db, path, now)}. Move that file to ${path} and start the bus again`;
  } catch (error) {
    return `the data of the bus could not be saved beside ${path}: ${(error as Error).message}`;
  }
}
