import { chmodSync, closeSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { openDatabase, sqliteCode } from "../runtime/runtime.ts";

export interface Lock {
  release(): void;
}

const BUSY = 5;

/**
 * Takes `<path>.lock`, a SQLite file held in an exclusive transaction: the kernel frees it however the process ends.
 * Returns null when another process holds it. `<path>.pid` only tells people which process that is.
 */
export function takeLock(path: string): Lock | null {
  const file = `${path}.lock`;
  closeSync(openSync(file, "a", 0o600));
  chmodSync(file, 0o600);
  const db = openDatabase(file);
  try {
    db.exec(
      "PRAGMA busy_timeout = 0; PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE;",
    );
  } catch (error) {
    db.close();
    if (sqliteCode(error) === BUSY) return null;
    throw error;
  }
  writeFileSync(`${path}.pid`, `${process.pid}\n`, { mode: 0o600 });
  return {
    release() {
      rmSync(`${path}.pid`, { force: true });
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
