import { dirname } from "node:path";
import { attempt } from "../lib/attempt.ts";
import { quoted } from "../lib/escape.ts";
import { fullDisk } from "../lib/full_disk.ts";
import { troubleAt, troubleOf } from "../sqlite/faults.ts";
import { databaseOf } from "./place.ts";

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

/** A database whose tables are whole. The commands keep it under another name. */
export function badIndex(detail: string, db: string): Reason {
  const copy = quoted(`${db}.rebuilt`);
  const flag = attempt(() => databaseOf(undefined)) === db ? "" : ` --db ${quoted(db)}`;
  const commands = [`stop${flag}`, `backup ${copy}${flag}`, `restore ${copy}${flag}`, "start"];
  return {
    found: `an index is damaged, and all data is whole (${detail})`,
    repair: `build the indexes anew in a copy. Run: ${commands.map((one) => `agent-event-bus ${one}`).join(" && ")}`,
  };
}

export function restoreOf(db: string): string {
  return `run: agent-event-bus stop, then with a backup of ${db}: agent-event-bus restore FILE`;
}

/** An error of a command that writes files, as a sentence. */
export function sentenceOf(error: unknown): string {
  const { code, message, path } = error as NodeJS.ErrnoException;
  const at = path === undefined ? "" : ` (${path})`;
  const full = troubleOf(error) === "storage_full" ? fullDisk({ code: "ENOSPC" }) : fullDisk(error);
  if (full !== null) return full;
  if (code === "EACCES" || code === "EPERM" || code === "EROFS") return `Writing is not permitted${at}.`;
  return /[.!?]$/.test(message) ? message : `${message}.`;
}
