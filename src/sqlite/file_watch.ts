import { closeSync, fstatSync, openSync, readSync, type Stats } from "node:fs";
import { dirname } from "node:path";
import type { StorageProblem } from "../domain/store.ts";
import { succeeds } from "../lib/attempt.ts";
import type { Database } from "../runtime/runtime.ts";
import { rescueOf } from "./backup.ts";
import { sentenceOf } from "./faults.ts";
import { isSame, type Lock, lockHolder, statOf } from "./lock.ts";

/** The files at the database's path are no longer those that are open. */
export interface Displaced {
  problem: StorageProblem;
  /** A sentence on what happened and what to do. */
  detail: string;
  /** True if a restart would not find what was stored: only this process can still read all of it. */
  onlyHere: boolean;
  /** False if the log of writes must not be folded into what stands at the path. */
  foldable: boolean;
}

/** The bytes of a database that hold its page size, and that it has a log of writes. */
const MARK = { at: 16, bytes: 4 };
/** A folder's time of change may be the same after two changes within this time (ms). */
const TICK_MS = 20;
/** Not every file system tells that a folder has changed (ms). */
const BESIDE_MS = 1_000;

/** Watches the files of an open database: SQLite would go on writing to files that no restart finds. */
export class FileWatch {
  readonly #path: string;
  readonly #db: Database;
  readonly #lock: Lock;
  readonly #file: number;
  readonly #opened: Stats;
  readonly #mark: string;
  /** The files beside the database. A file system without shared memory has none. */
  readonly #beside: { name: string; opened: Stats }[];
  #known: Stats;
  #lasting: Displaced | null = null;
  #folderMs = 0;
  #lookedBeside = Number.NEGATIVE_INFINITY;

  constructor(path: string, db: Database, lock: Lock) {
    this.#path = path;
    this.#db = db;
    this.#lock = lock;
    this.#file = openSync(path, "r");
    this.#opened = fstatSync(this.#file);
    this.#known = this.#opened;
    this.#mark = markOf(this.#file);
    this.#beside = [`${path}-wal`, `${path}-shm`].flatMap((name) => {
      const opened = statOf(name);
      return opened === undefined ? [] : [{ name, opened }];
    });
  }

  /** Hot path: null while the open files are those at the path. Two calls of `stat`, more in a folder that has changed. */
  look(): Displaced | null {
    if (this.#lasting !== null) return this.#lasting;
    const displaced = this.#find();
    // A file that was moved away may be put back. Any other displacement lasts until a restart.
    if (displaced !== null && isSame(statOf(this.#path), this.#opened)) this.#lasting = displaced;
    return displaced;
  }

  /** Ends the watch. To be called after the database was closed: closing a file ends SQLite's locks on it. */
  end(): void {
    closeSync(this.#file);
  }

  #find(): Displaced | null {
    const found = statOf(this.#path);
    if (found === undefined || !isSame(found, this.#opened))
      return goneFrom(this.#path, fstatSync(this.#file), found);
    const isUnchanged = found.mtimeMs === this.#known.mtimeMs && found.size === this.#known.size;
    if (!isUnchanged && this.#isOverwritten(found)) return overwritten(this.#path);
    this.#known = found;
    if (!this.#isNewBeside()) return null;
    const lost = this.#beside.find(({ name, opened }) => !isSame(statOf(name), opened));
    // A database that changed when its log went may be another one, and the log is not folded into that.
    if (lost !== undefined) return withoutLog(this.#path, lost.name, isUnchanged && foldsIn(this.#db));
    return this.#lock.held() ? null : lockedOut(this.#path);
  }

  /** A copy from `backup` has another mark. Only SQLite itself makes a database shorter, and then knows its size. */
  #isOverwritten(found: Stats): boolean {
    const isShorter = found.size < this.#known.size;
    return markOf(this.#file) !== this.#mark || (isShorter && found.size !== sizeOf(this.#db));
  }

  /** True if a file beside the database may have come or gone since the last call. */
  #isNewBeside(): boolean {
    const changedMs = statOf(dirname(this.#path))?.mtimeMs ?? 0;
    const now = performance.now();
    if (changedMs === this.#folderMs && now - this.#lookedBeside < BESIDE_MS) return false;
    this.#folderMs = Math.abs(Date.now() - changedMs) < TICK_MS ? 0 : changedMs;
    this.#lookedBeside = now;
    return true;
  }
}

function goneFrom(path: string, open: Stats, found: Stats | undefined): Displaced {
  const deleted = open.nlink === 0;
  const what = found === undefined ? (deleted ? "deleted" : "moved away") : "replaced by another file";
  const advice = deleted
    ? `Stop the bus, which then saves its data to ${rescueOf(path)}…. Move that file to ${path} and start the bus again`
    : `Put it back, with the files beside it. There is no need to restart`;
  const detail = `The database ${path} was ${what} while the bus was running. Nothing was stored. ${advice}.`;
  return failed(detail, { onlyHere: deleted });
}

function withoutLog(path: string, name: string, folded: boolean): Displaced {
  const before = folded
    ? `Earlier data is in ${path}. Restart the bus`
    : `Stop the bus, which then saves its data to ${rescueOf(path)}…. Move that file to ${path} and start the bus again`;
  const detail = `${name} was removed or replaced while the bus was running. Nothing was stored. ${before}.`;
  return failed(detail, { onlyHere: !folded, foldable: folded });
}

function lockedOut(path: string): Displaced {
  const other = `another agent-event-bus (${lockHolder(path)})`;
  return failed(
    `${path}.lock was removed while the bus was running, and ${other} now has the database. Nothing was stored. Stop this bus and use that one.`,
  );
}

function overwritten(path: string): Displaced {
  const problem = "storage_corrupt";
  const detail = sentenceOf(problem, path, new Error("another program overwrote it"));
  return failed(detail, { problem, foldable: false });
}

function failed(detail: string, but: Partial<Displaced> = {}): Displaced {
  return { problem: "storage_failed", detail, onlyHere: false, foldable: true, ...but };
}

function foldsIn(db: Database): boolean {
  return succeeds(() => db.exec("PRAGMA wal_checkpoint(TRUNCATE)"));
}

function sizeOf(db: Database): number {
  const sql = "SELECT page_count * page_size AS bytes FROM pragma_page_count, pragma_page_size";
  return Number(db.prepare(sql).get()?.bytes);
}

function markOf(file: number): string {
  const bytes = Buffer.alloc(MARK.bytes);
  return bytes.toString("hex", 0, readSync(file, bytes, 0, MARK.bytes, MARK.at));
}
