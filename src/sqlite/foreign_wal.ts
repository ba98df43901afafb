import { closeSync, openSync, readSync, statSync } from "node:fs";
import { attempt } from "../lib/attempt.ts";
import { quoted } from "../lib/escape.ts";
import { realOf } from "../lib/permissions.ts";

const WRITE_VERSION_AT = 18;
const NO_WAL = 1;

/**
 * Describes a log of writes that belongs to the database which a copy replaced. Null if there is no such log. SQLite cannot
 * tell, and would play it over the copy. The header of a copy says that it has no log. That of the bus's own database says
 * that it has. To be called before this process opens the database: closing the file ends SQLite's locks on it.
 */
export function strayWal(db: string): string | null {
  const path = realOf(db);
  if (sizeOf(`${path}-wal`) === 0 || startOf(path, WRITE_VERSION_AT + 1)[WRITE_VERSION_AT] !== NO_WAL)
    return null;
  return `${path}-wal belongs to the database that was there before this copy. Remove ${path}-wal and ${path}-shm before you use the copy.`;
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/** Empty if the file cannot be read. SQLite reports that later. */
function startOf(path: string, bytes: number): Buffer {
  const header = Buffer.alloc(bytes);
  const file = attempt(() => openSync(path, "r"));
  if (file === undefined) return header.subarray(0, 0);
  const read = attempt(() => readSync(file, header, 0, bytes, 0)) ?? 0;
  closeSync(file);
  return header.subarray(0, read);
}

/** Offsets in a log of writes (bytes): two numbers of its header, the number of its first page, and that page. */
const PAGE_SIZE_AT = 8;
const CHECKPOINTS_AT = 12;
const FIRST_PAGE_AT = 32;
const PAGE_AT = 56;

/**
 * Describes a log of writes whose database is missing or empty, and its repair. Null if there is no such log. Opening the
 * database would wipe the log. On a young bus the log is the only copy, and its first page brings the rest back.
 */
export function lonelyWal(db: string): { found: string; repair: string } | null {
  const path = realOf(db);
  const wal = `${path}-wal`;
  if (sizeOf(path) > 0 || sizeOf(wal) === 0) return null;
  const what = statSync(path, { throwIfNoEntry: false }) === undefined ? "missing" : "empty";
  const found = `The database ${path} is ${what}, but its write-ahead log ${wal} is not`;
  const start = startOf(wal, PAGE_AT);
  const isWhole =
    start.length === PAGE_AT &&
    start.readUInt32BE(CHECKPOINTS_AT) === 0 &&
    start.readUInt32BE(FIRST_PAGE_AT) === 1;
  const repair = isWhole
    ? `run: tail -c +${PAGE_AT + 1} ${quoted(wal)} | head -c ${start.readUInt32BE(PAGE_SIZE_AT)} > ${quoted(path)}`
    : `put the database back, or move ${wal} away and copy a backup to ${path}`;
  return { found, repair };
}
