import * as fs from "node:fs";
import { basename, dirname, join } from "node:path";
import { attempt } from "../lib/attempt.ts";
import { exists } from "../lib/process.ts";
import { syncFolder } from "../lib/sync_folder.ts";
import { type Database, openDatabase } from "../runtime/runtime.ts";
import { lonelyWal, strayWal } from "./foreign_wal.ts";
import { reading } from "./statements.ts";

/** Writes a consistent copy beside the database, before its schema is changed. */
export function backUp(path: string, version: number, now: number): string {
  return copyDatabase(path, freeName(`${path}.backup-v${version}-${dayOf(now)}`));
}

/** The start of the names of copies that are written when a database no longer has a file. */
export function rescueOf(path: string): string {
  return `${path}.backup-rescued-`;
}

/** Writes all that an open database holds beside where its file was. */
export function rescue(db: Database, path: string, now: number): string {
  fs.mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  return copyDatabase(db, freeName(`${rescueOf(path)}${dayOf(now)}`));
}

function dayOf(now: number): string {
  return new Date(now).toISOString().slice(0, 10);
}

/** The name, or with the first number that no file has. */
export function freeName(name: string): string {
  let free = name;
  for (let number = 2; fs.existsSync(free); number++) free = `${name}-${number}`;
  return free;
}

/** The name of a copy until it is whole. Two processes may make one at once. */
export function partialOf(target: string, pid: number): string {
  return `${target}.${pid}.partial`;
}

/** The process that made a partial copy of the target, by its name. NaN for any other name. */
export function makerOf(name: string, target: string): number {
  const pid = name.startsWith(`${target}.`) ? Number.parseInt(name.slice(target.length + 1), 10) : Number.NaN;
  return name === partialOf(target, pid) ? pid : Number.NaN;
}

/**
 * Writes a consistent copy of a database to `target`, also of one that a bus writes to at the same time. The copy is on
 * disk when this returns, for its owner only, and `check` sees it before it gets its name. A copy that a crash cut short
 * keeps its partial name until the next copy is made.
 * @throws what SQLite, the file system or `check` throws, when the copy failed. Nothing is left behind then.
 */
export function copyDatabase(
  from: string | Database,
  target: string,
  check: (copy: string) => void = () => {},
): string {
  discardAbandoned(target);
  let written = partialOf(target, process.pid);
  const file = fs.openSync(written, "wx", 0o600);
  try {
    fs.fchmodSync(file, 0o600);
    // A second connection that may write would take part in the checkpoints of the bus.
    if (typeof from === "string") reading(from, (db) => vacuumInto(db, written));
    else vacuumInto(from, written);
    check(written);
    fs.fsyncSync(file);
    fs.renameSync(written, target);
    written = target;
    syncFolder(dirname(target));
    return target;
  } catch (error) {
    discard(written);
    throw error;
  } finally {
    fs.closeSync(file);
  }
}

function vacuumInto(db: Database, empty: string): void {
  db.prepare("VACUUM INTO $target").run({ target: empty });
}

/** Removes the partial copies of a target whose makers were killed. */
export function discardAbandoned(target: string): void {
  for (const name of fs.readdirSync(dirname(target))) {
    const pid = makerOf(name, basename(target));
    if (pid === process.pid || (pid > 0 && !exists(pid))) discard(join(dirname(target), name));
  }
}

/** Removes a copy that is not whole, and tokens beside it first: a copy is what shows that there is something to remove. */
export function discard(copy: string): void {
  fs.rmSync(`${copy}.tokens`, { recursive: true, force: true });
  for (const file of [copy, `${copy}-journal`, `${copy}-wal`, `${copy}-shm`])
    fs.rmSync(file, { force: true });
}

const LEAP = 1_000_000;
/** The first schema version that is not the original's. */
const OURS = 6;

/**
 * Lets a copy go on with ids that were not given out since it was made. A client that remembers an id from that time would
 * otherwise take a new event for one that it has seen. A copy of the original's database stays as it is.
 */
export function leapIds(copy: string, schemaVersion: number): void {
  if (schemaVersion < OURS) return;
  const db = openDatabase(copy);
  try {
    db.exec(`UPDATE sqlite_sequence SET seq = seq + ${LEAP} WHERE name = 'events'`);
  } finally {
    db.close();
  }
}

/** Does the same to a copy that takes the place of a database. A copy whose ids are ahead of all given ones stays as it is. */
export function leapOver(copy: string, schemaVersion: number, former: string): void {
  if (schemaVersion < OURS) return;
  const { last, next } = idsOf(copy);
  const given = attempt(() => idsOf(former).next) ?? 0;
  if (next - last >= LEAP && next > given) return;
  const db = openDatabase(copy);
  try {
    const seq = Math.max(next, given) + LEAP;
    db.exec(`UPDATE sqlite_sequence SET seq = ${seq} WHERE name = 'events'`);
  } finally {
    db.close();
  }
}

/** The last id in a database, and the last one that it gave out. */
function idsOf(path: string): { last: number; next: number } {
  return reading(path, (db) => ({
    last: Number(db.prepare("SELECT max(id) AS id FROM events").get()?.id ?? 0),
    next: Number(db.prepare("SELECT seq FROM sqlite_sequence WHERE name = 'events'").get()?.seq ?? 0),
  }));
}

/**
 * Folds the log of writes of a database that no process uses into its file, so that the file alone is the database. False
 * if that is impossible, because it cannot be read or the log belongs to another one.
 */
export function foldLog(path: string): boolean {
  if (strayWal(path) !== null || lonelyWal(path) !== null || !hasHeader(path)) return false;
  try {
    const db = openDatabase(path);
    try {
      db.exec("PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode = DELETE;");
    } finally {
      db.close();
    }
    return [`${path}-wal`, `${path}-journal`].every(
      (file) => (fs.statSync(file, { throwIfNoEntry: false })?.size ?? 0) === 0,
    );
  } catch {
    return false;
  }
}

const HEADER = "SQLite format 3";

function hasHeader(path: string): boolean {
  const file = fs.openSync(path, "r");
  try {
    const start = Buffer.alloc(HEADER.length);
    fs.readSync(file, start, 0, start.length, 0);
    return start.toString("latin1") === HEADER;
  } finally {
    fs.closeSync(file);
  }
}
