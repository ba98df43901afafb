import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync } from "node:fs";
import { openDatabase } from "../runtime/runtime.ts";

/** Writes a consistent copy beside the database. A copy cut short by a crash keeps its `.partial` name and is made anew. */
export function backUp(path: string, version: number, now: number): string {
  const stem = `${path}.backup-v${version}-${new Date(now).toISOString().slice(0, 10)}`;
  let target = stem;
  for (let number = 2; existsSync(target); number++) target = `${stem}-${number}`;
  const partial = `${target}.partial`;
  discard(partial);
  const umask = process.umask(0o077);
  const db = openDatabase(path);
  try {
    db.exec("PRAGMA busy_timeout = 1000");
    db.prepare("VACUUM INTO $target").run({ target: partial });
  } catch (error) {
    discard(partial);
    throw error;
  } finally {
    db.close();
    process.umask(umask);
  }
  const file = openSync(partial, "r");
  fsyncSync(file);
  closeSync(file);
  renameSync(partial, target);
  return target;
}

function discard(copy: string): void {
  for (const file of [copy, `${copy}-journal`]) rmSync(file, { force: true });
}
