import { closeSync, existsSync, mkdirSync, rmSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { OpenError } from "../domain/context.ts";
import { attempt } from "../lib/attempt.ts";
import { makeFile, realOf, restrict } from "../lib/permissions.ts";
import { type Database, openDatabase } from "../runtime/runtime.ts";
import { backUp } from "./backup.ts";
import { codeAt } from "./faults.ts";
import { unfitness } from "./fitness.ts";
import { lonelyWal, strayWal } from "./foreign_wal.ts";
import { type Lock, lockHolder, takeLock } from "./lock.ts";
import { columnsOf, MIGRATIONS, namesFrom, SCHEMA_VERSION } from "./schema.ts";
import { reading } from "./statements.ts";

export interface Opened {
  db: Database;
  lock: Lock;
  /** The copy made before the schema of an existing database was changed. */
  backup: string | null;
}

const PROBLEMS: Readonly<Record<number, readonly [problem: string, advice: string]>> = {
  5: ["is locked by another program", "Stop that program, or give another --db"],
  8: ["cannot be written (read-only file or file system)", "Make it writable, or give another --db"],
  10: ["cannot be read or written (I/O error)", "Check the disk, or give another --db"],
  13: ["cannot be written because the disk is full", "Free some space"],
  14: [
    "cannot be opened (permissions, or a read-only file system)",
    "Make it and its folder writable, or give another --db",
  ],
  26: ["is not an SQLite database", "Restore a backup, or give another --db"],
};

const QUICK_CHECK_BYTES = 200 * 1024 * 1024;

/**
 * Opens a database for the one server it may have. Inspects the file without touching it, and only then migrates it, after a
 * backup.
 * @throws OpenError when the database cannot be used. The lock is released then.
 */
export function openFile(path: string, now: () => number, lock: Lock): Opened {
  try {
    const lonely = lonelyWal(path);
    if (lonely !== null)
      throw new OpenError(
        `${lonely.found}. Neither was changed. To recover the data, ${lonely.repair}. To start without it, move ${path}-wal away.`,
      );
    const version = existsSync(path) && statSync(path).size > 0 ? inspect(path) : null;
    if (version === null) closeSync(makeFile(path));
    restrict(realOf(path));
    const backup = version !== null && version < SCHEMA_VERSION ? backUp(path, version, now()) : null;
    return { db: openCurrent(path, version ?? 0, backup), lock, backup };
  } catch (error) {
    lock.release();
    throw explained(path, error);
  }
}

/**
 * Makes this process the database's one server.
 * @throws OpenError when another process is.
 */
export function lockDatabase(path: string): Lock {
  try {
    const problem = unfitness(path);
    if (problem !== null) throw new OpenError(problem);
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const lock = takeLock(path);
    if (lock !== null) return lock;
  } catch (error) {
    throw explained(path, error);
  }
  throw new OpenError(
    `The database ${path} is in use by another agent-event-bus (${lockHolder(path)}). Stop that one, or give this one another --db.`,
  );
}

/**
 * Reads the schema version of an existing file. 0 if it holds none of the bus's tables.
 * @throws OpenError when it cannot be used.
 */
export function inspect(path: string): number {
  const stray = strayWal(path);
  if (stray !== null) throw new OpenError(stray);
  return reading(path, (db) => {
    checkOwner(db, path);
    const version = schemaVersion(db);
    if (version > SCHEMA_VERSION)
      throw new OpenError(
        `The database ${path} has schema version ${version}, but this agent-event-bus knows versions up to ${SCHEMA_VERSION}. Install the newer release that wrote it.`,
      );
    if (statSync(path).size < QUICK_CHECK_BYTES) checkPages(db, path);
    return version;
  });
}

/** Table by table, because a check of the whole file would take the index of texts apart too, which takes longest. */
function checkPages(db: Database, path: string): void {
  for (const table of namesFrom(db, "sqlite_schema WHERE type = 'table' AND rootpage > 0")) {
    const found = db.prepare(`PRAGMA quick_check('${table.replaceAll("'", "''")}')`).get()?.quick_check;
    if (found !== "ok") throw new OpenError(corrupt(path, String(found)));
  }
}

/** Columns that every version of the original had. A table of that name without them belongs to another program. */
const ALWAYS = {
  sessions: ["id", "name", "machine", "cwd", "registered_at", "last_heartbeat"],
  events: ["id", "event_type", "payload", "session_id", "timestamp"],
  webhooks: ["id", "url", "channel_filter", "event_types", "created_at"],
};

function checkOwner(db: Database, path: string): void {
  const tables = tablesOf(db);
  const isForeign = Object.entries(ALWAYS).some(([table, columns]) => {
    const present = columnsOf(db, table);
    return tables.has(table) && columns.some((column) => !present.has(column));
  });
  const others = [...tables].filter((table) => table !== "schema_version");
  if (isForeign || (others.length > 0 && !tables.has("sessions")))
    throw new OpenError(
      `The database ${path} belongs to another program and was not changed. Give another --db.`,
    );
  const sessions = columnsOf(db, "sessions");
  if (sessions.has("pid") && !sessions.has("client_id"))
    throw new OpenError(
      `The database ${path} comes from the first prototype, whose sessions cannot be imported. Move it away, or give another --db.`,
    );
}

function schemaVersion(db: Database): number {
  const tables = tablesOf(db);
  if (!tables.has("schema_version")) return tables.size > 0 ? 1 : 0;
  return Number(db.prepare("SELECT MAX(version) AS version FROM schema_version").get()?.version ?? 0);
}

function tablesOf(db: Database): Set<string> {
  return namesFrom(db, "sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'");
}

/** Makes a new database of this version at a path where there is no file. */
export function makeDatabase(path: string): Database {
  closeSync(makeFile(path));
  return openCurrent(path, 0, null);
}

function openCurrent(path: string, version: number, backup: string | null): Database {
  const db = openDatabase(path);
  try {
    configure(db);
    migrate(db, version);
    db.exec("INSERT OR IGNORE INTO bus (key, value) VALUES ('key', lower(hex(randomblob(32))))");
    return db;
  } catch (error) {
    db.close();
    // The database is unchanged. A service that restarts in a loop must not fill the disk with copies.
    if (backup !== null) rmSync(backup, { force: true });
    throw error;
  }
}

function configure(db: Database): void {
  db.exec(`
    PRAGMA busy_timeout = 50;
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA foreign_keys = ON;
    PRAGMA trusted_schema = OFF;
    PRAGMA journal_size_limit = ${64 * 1024 * 1024};
    BEGIN IMMEDIATE; ROLLBACK;`);
}

// Every step and the version mark share one transaction, so a killed process leaves the old version whole.
function migrate(db: Database, from: number): void {
  if (from === SCHEMA_VERSION) return;
  db.exec("BEGIN IMMEDIATE");
  try {
    db.exec("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER PRIMARY KEY)");
    for (const migration of MIGRATIONS) if (migration.version > from) migration.apply(db);
    db.exec(
      `DELETE FROM schema_version; INSERT INTO schema_version (version) VALUES (${SCHEMA_VERSION}); COMMIT;`,
    );
  } catch (error) {
    // A full disk has ended the transaction already.
    attempt(() => db.exec("ROLLBACK"));
    throw error;
  }
}

function corrupt(path: string, detail: string): string {
  return `The database ${path} is corrupt (${detail.split("\n")[0]}). It was not changed. Restore a backup (${path}.backup-…), or give another --db.`;
}

function explained(path: string, error: unknown): Error {
  if (error instanceof OpenError) return error;
  const code = codeAt(path, error);
  if (code === 11) return new OpenError(corrupt(path, (error as Error).message));
  const refused = (problem: string, advice: string) =>
    new OpenError(
      `The database ${path} ${problem}: ${(error as Error).message}. It was not changed. ${advice}.`,
    );
  if (code !== undefined) return refused(...(PROBLEMS[code] ?? ["cannot be used", "Give another --db"]));
  if (!(error instanceof Error && "code" in error)) return error as Error;
  const advice = error.code === "ENOSPC" ? "Free some space" : "Make it and its folder writable";
  return refused("cannot be opened", `${advice}, or give another --db`);
}
