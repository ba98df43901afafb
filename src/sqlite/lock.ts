import { closeSync, fstatSync, readFileSync, rmSync, type Stats, statSync, writeFileSync } from "node:fs";
import { makeFile, restrict } from "../lib/permissions.ts";
import { type Database, openDatabase, sqliteCode } from "../runtime/runtime.ts";

export interface Lock {
  /** True while this process has the lock. Takes it anew if its file was removed. */
  held(): boolean;
  release(): void;
}

const BUSY = 5;
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
    if (isAt(file, taken.at)) return true;
    let again: Taken | null;
    try {
      again = take(file);
    } catch {
      // If this process can make no file here, another bus cannot either.
      return true;
    }
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

interface Taken {
  db: Database;
  /** The file that the lock is on. */
  at: Stats;
}

function take(file: string): Taken | null {
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

function letGo({ db }: Taken): void {
  db.exec("ROLLBACK");
  db.close();
}

function isAt(file: string, { ino, dev }: Stats): boolean {
  const found = statSync(file, { throwIfNoEntry: false });
  return found?.ino === ino && found.dev === dev;
}

/** Writes the process id for the user. A failure, like a full disk, does not stop the bus. */
function writePid(path: string): void {
  try {
    // A link of that name would lead to another file.
    rmSync(`${path}.pid`, { force: true });
    writeFileSync(`${path}.pid`, `${process.pid}\n`, { mode: 0o600, flag: "wx" });
  } catch {}
}

function removePid(path: string): void {
  try {
    rmSync(`${path}.pid`, { force: true });
  } catch {
    // The disk became read-only. The next process to take the lock writes its own.
  }
}

export function lockHolder(path: string): string {
  try {
    return `process ${readFileSync(`${path}.pid`, "utf8").trim()}`;
  } catch {
    return "another process";
  }
}
