import { statfsSync } from "node:fs";
import { dirname } from "node:path";
import type { StorageProblem } from "../domain/store.ts";
import { attempt } from "../lib/attempt.ts";
import { sqliteCode } from "../runtime/runtime.ts";

/** SQLite's primary result codes, see https://sqlite.org/rescode.html. */
export const BUSY = 5;
const PROBLEMS: Readonly<Record<number, StorageProblem>> = {
  [BUSY]: "storage_busy",
  8: "storage_readonly",
  10: "storage_failed",
  11: "storage_corrupt",
  13: "storage_full",
  14: "storage_readonly",
  26: "storage_corrupt",
};

const FAILED = 10;
const FULL = 13;

/** SQLite's primary code of an error at a file. Of a full disk SQLite sometimes tells only that it could not write. */
export function codeAt(path: string, error: unknown): number | undefined {
  const code = sqliteCode(error);
  if (code !== FAILED) return code;
  const disk = attempt(() => statfsSync(dirname(path)));
  return disk !== undefined && disk.bavail * disk.bsize < LEAST_BYTES ? FULL : code;
}

/** SQLite needs as much for the index of its write-ahead log. */
const LEAST_BYTES = 64 * 1024;

/** The state of the database that an error of SQLite tells of. Null for any other error. */
export function troubleOf(error: unknown): StorageProblem | null {
  return PROBLEMS[sqliteCode(error) ?? -1] ?? null;
}

/** The same of an error at a file, which is looked at where SQLite tells too little. */
export function troubleAt(path: string, error: unknown): StorageProblem | null {
  return PROBLEMS[codeAt(path, error) ?? -1] ?? null;
}

const SENTENCES: Readonly<Record<StorageProblem, (path: string, detail: string) => string>> = {
  storage_busy: (path) =>
    `The database ${path} is locked by another process. Writes wait for up to 10 s. End that process.`,
  storage_full: (path, detail) =>
    `The disk that holds ${path} is full${detail}. Nothing was stored. Free some space and try again. There is no need to restart.`,
  storage_readonly: (path, detail) =>
    `The database ${path} cannot be written${detail}. Nothing was stored. Make it and its folder writable and try again. There is no need to restart.`,
  storage_failed: (path, detail) =>
    `The disk failed to write ${path}${detail}. Nothing was stored. Check the disk and its free space and try again.`,
  storage_corrupt: (path, detail) =>
    `The database ${path} is damaged${detail}. The bus no longer writes to it. Stop the bus and restore a backup.`,
};

/** A sentence for the caller on what happened and what to do. */
export function sentenceOf(problem: StorageProblem, path: string, error?: unknown): string {
  return SENTENCES[problem](path, error instanceof Error ? ` (${error.message})` : "");
}
