import { closeSync, fstatSync, readFileSync, rmSync, type Stats, statSync, writeFileSync } from "node:fs";
import { attempt } from "../lib/attempt.ts";
import { makeFile, restrict } from "../lib/permissions.ts";
import { type Database, openDatabase, sqliteCode } from "../runtime/runtime.ts";
import { BUSY } from "./faults.ts";

export interface Lock {
  /** True while this process has the lock. Takes it anew if its file was removed. */
  held(): boolean;
  release(): void;
}

/** Two processes that ask at the same moment may block each other. They ask again for this time (ms), and one gets it. */
const AGAIN_MS = 100;

/**
 * Takes `<path>.lock`, a SQLite file held in an exclusive transaction: the kernel frees it however the process ends.
 * Returns null after 100 ms if another process holds it. `<path>.pid` only tells the user which process that is.
 */
export function takeLock(path: string): Lock | null {
  const file = `${path}.lock`;
  let taken = take(file);
  if (taken === null) return null;
  writePid(path);
  let lost = false;

  function held(): boolean {
    if (lost || taken === null) return false;
    if (isSame(statOf(file), taken.at)) return true;
    const again = attempt(() => take(file));
    // If this process can make no file here, another bus cannot either.
    if (again === undefined) return true;
    lost = again === null;
    if (again === null) return false;
    letGo(taken);
    taken = again;
    writePid(path);
    return true;
  }

  return {
    held,
    release() {
      if (taken === null) return;
      if (!lost) removePid(path);
      letGo(taken);
      taken = null;
    },
  };
}

/** True if a process has the lock of a path. Takes nothing that a bus which starts at this moment would miss. */
export function isLocked(path: string): boolean {
  const file = `${path}.lock`;
  if (statOf(file) === undefined) return false;
  const db = attempt(() => openDatabase(file, { readonly: true }));
  if (db === undefined) return false;
  try {
    db.prepare("SELECT count(*) FROM sqlite_schema").get();
    return false;
  } catch (error) {
    return sqliteCode(error) === BUSY;
  } finally {
    db.close();
  }
}

/** The connection that has the lock, and the file that it is on. Null if another process has it. */
function take(file: string): { db: Database; at: Stats } | null {
  const made = makeFile(file);
  const at = fstatSync(made);
  closeSync(made);
  restrict(file);
  const db = openDatabase(file);
  try {
    db.exec(`PRAGMA busy_timeout = ${AGAIN_MS}; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE;`);
    return { db, at };
  } catch (error) {
    db.close();
    if (sqliteCode(error) === BUSY) return null;
    throw error;
  }
}

function letGo({ db }: { db: Database }): void {
  db.exec("ROLLBACK");
  db.close();
}

/** Undefined if there is no file, or the folder cannot be searched. */
export function statOf(path: string): Stats | undefined {
  // Hot path: each commit looks at its files.
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

export function isSame(found: Stats | undefined, { ino, dev }: Stats): boolean {
  return found?.ino === ino && found.dev === dev;
}

/** Writes the process id for the user. A failure, like a full disk, does not stop the bus. */
function writePid(path: string): void {
  // A link of that name would lead to another file.
  removePid(path);
  attempt(() => writeFileSync(`${path}.pid`, `${process.pid}\n`, { mode: 0o600, flag: "wx" }));
}

// On a disk that became read-only the file stays. The next process to take the lock writes its own.
function removePid(path: string): void {
  attempt(() => rmSync(`${path}.pid`, { force: true }));
}

export function lockHolder(path: string): string {
  const pid = attempt(() => readFileSync(`${path}.pid`, "utf8").trim());
  return pid === undefined ? "another process" : `process ${pid}`;
}
