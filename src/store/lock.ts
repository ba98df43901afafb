import { closeSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { openDatabase, sqliteCode } from "../runtime/runtime.ts";
import { restrict } from "./private.ts";

export interface Lock {
  release(): void;
}

const BUSY = 5;
/** Of two that ask at the same moment each may be in the other's way: they ask again, and one gets it. */
const AGAIN_MS = 100;

/**
 * Takes `<path>.lock`, a SQLite file held in an exclusive transaction: the kernel frees it however the process ends.
 * Returns null when another process holds it, after 100 ms. `<path>.pid` only tells people which process that is.
 */
export function takeLock(path: string): Lock | null {
  const file = `${path}.lock`;
  closeSync(openSync(file, "a", 0o600));
  restrict(file);
  const db = openDatabase(file);
  try {
    db.exec(`PRAGMA busy_timeout = ${AGAIN_MS}; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE;`);
  } catch (error) {
    db.close();
    if (sqliteCode(error) === BUSY) return null;
    throw error;
  }
  try {
    // Made anew: a link of that name would lead to some other file.
    rmSync(`${path}.pid`, { force: true });
    writeFileSync(
      `${path}.pid`,
      `${process.pid}
`,
      { mode: 0o600, flag: "wx" },
    );
  } catch {
    // It only helps people: a full disk keeps no bus from starting.
  }
  return {
    release() {
      try {
        rmSync(`${path}.pid`, { force: true });
      } catch {
        // The disk became read-only; the next one to take the lock writes its own.
      }
      db.exec("ROLLBACK");
      db.close();
    },
  };
}

export function lockHolder(path: string): string {
  try {
    return `process ${readFileSync(`${path}.pid`, "utf8").trim()}`;
  } catch {
    return "another process";
  }
}
