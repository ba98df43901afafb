import { dirname } from "node:path";
import { troubleAt } from "../sqlite/faults.ts";

/** A problem of a database and its repair, for people. */
export interface Reason {
  found: string;
  repair: string;
}

/** The problem behind an error on reading a database. */
export function reasonOf(error: unknown, db: string): Reason {
  const detail = error instanceof Error ? error.message : String(error);
  switch (troubleAt(db, error)) {
    case "storage_busy":
      return { found: "locked by another program", repair: "end that program, or try again later" };
    case "storage_readonly":
      return {
        found: `cannot be opened (${detail})`,
        repair: `make ${db} readable and its folder writable, or run this as its owner`,
      };
    case "storage_corrupt":
      return /not a database/.test(detail)
        ? {
            found: "not an SQLite database",
            repair: `name the bus's database with --db, or ${restoreOf(db)}`,
          }
        : damaged(detail, db);
    case "storage_full":
      return {
        found: "cannot be read, because its disk is full",
        repair: `free some space on the disk of ${dirname(db)}`,
      };
    case "storage_failed":
      return {
        found: `cannot be read (${detail})`,
        repair: `check the disk of ${dirname(db)}, and its free space`,
      };
    default:
      return { found: `cannot be read (${detail})`, repair: "run this with --debug for details" };
  }
}

/** The problem behind a failed integrity check of SQLite. */
export function damaged(detail: string, db: string): Reason {
  const first = detail.split("\n").find((line) => line !== "" && !line.startsWith("***")) ?? detail;
  return { found: `damaged (${first})`, repair: restoreOf(db) };
}

export function restoreOf(db: string): string {
  return `run: agent-event-bus stop, then with a backup of ${db}: agent-event-bus restore FILE`;
}
