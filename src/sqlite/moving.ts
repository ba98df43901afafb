import { closeSync, fsyncSync, openSync, renameSync } from "node:fs";
import { dirname } from "node:path";
import { parseCursor } from "../domain/cursor.ts";
import type { Contents, Kind, Receiver, Row, Table, Value } from "../domain/moving.ts";
import { syncFolder } from "../lib/sync_folder.ts";
import { type Database, openDatabase, type Value as Stored } from "../runtime/runtime.ts";
import { discard, discardAbandoned, partialOf } from "./backup.ts";
import { makeDatabase } from "./open.ts";
import { storedTime, wireTime } from "./time.ts";

const MOST_ROWS = 1_000;
/** Rows of this size together (characters) are enough for one step. */
const ENOUGH = 1024 * 1024;
/** Stands for a text that is not a time. The original checked none. */
const NO_TIME = new Date(0).toISOString();

/** Lets `use` read a database, whose file is left as it is. */
export async function readFile<T>(path: string, use: (contents: Contents) => Promise<T>): Promise<T> {
  const db = openDatabase(path, { readonly: true });
  try {
    db.exec("PRAGMA busy_timeout = 1000; BEGIN;");
    return await use(contentsOf(db));
  } finally {
    db.close();
  }
}

/**
 * Makes a database that `fill` fills. It gets its name last, once `beforeNamed` was called with the name that it had until
 * then. Nothing but such a partial file is left by a process that is killed, and the next move removes it.
 */
export async function fillFile<T>(
  target: string,
  fill: (receiver: Receiver, partial: string) => Promise<T>,
  beforeNamed: (partial: string) => void,
): Promise<T> {
  discardAbandoned(target);
  const partial = partialOf(target, process.pid);
  try {
    const db = makeDatabase(partial);
    let result: T;
    try {
      // A partial file is worth nothing, so that it need not survive a crash.
      db.exec("PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF; BEGIN; DELETE FROM bus;");
      result = await fill(receiverOn(db), partial);
    } finally {
      db.close();
    }
    toDisk(partial);
    beforeNamed(partial);
    renameSync(partial, target);
    syncFolder(dirname(target));
    return result;
  } catch (error) {
    discard(partial);
    throw error;
  }
}

function toDisk(path: string): void {
  const file = openSync(path, "r+");
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function contentsOf(db: Database): Contents {
  const number = (sql: string) => Number(Object.values(db.prepare(sql).get() ?? {})[0] ?? 0);
  return {
    size: async ({ name, where = "true" }) => number(`SELECT count(*) FROM ${name} WHERE ${where}`),
    rows: (table) => rowsOf(db, table),
    lastNumber: async ({ name, numbered = "" }) =>
      number(`SELECT max(coalesce((SELECT seq FROM sqlite_sequence WHERE name = '${name}'), 0),
        coalesce((SELECT max(${columnOf(numbered)}) FROM ${name}), 0))`),
  };
}

function receiverOn(db: Database): Receiver {
  const inserts = new Map<Table, ReturnType<Database["prepare"]>>();
  return {
    ...contentsOf(db),
    async add(table, rows) {
      const { columns, name } = table;
      const names = Object.keys(columns);
      const insert =
        inserts.get(table) ??
        db.prepare(
          `INSERT INTO ${name} (${names.map(columnOf).join(", ")}) VALUES (${names.map((one) => `$${one}`).join(", ")})`,
        );
      inserts.set(table, insert);
      const kinds = Object.values(columns);
      for (const row of rows)
        insert.run(
          Object.fromEntries(names.map((one, i) => [one, stored(row[i] ?? null, kinds[i] as Kind)])),
        );
    },
    async goOnAfter({ name }, last) {
      db.prepare("DELETE FROM sqlite_sequence WHERE name = $name").run({ name });
      // Other tables number by the highest number that is there.
      db.prepare(`INSERT INTO sqlite_sequence (name, seq) SELECT $name, $last FROM sqlite_schema
        WHERE type = 'table' AND name = $name AND sql LIKE '%AUTOINCREMENT%'`).run({ name, last });
    },
    async complete() {
      db.exec("COMMIT");
    },
  };
}

/** Sessions have no column for their order: that of their rows tells it. */
function columnOf(name: string): string {
  return name === "entry" ? "rowid" : name;
}

async function* rowsOf(
  db: Database,
  { name, columns, order, where = "true" }: Table,
): AsyncGenerator<readonly Row[]> {
  const kinds = Object.entries(columns);
  const selected = kinds.map(([column]) => `${columnOf(column)} AS ${column}`).join(", ");
  const sql = `SELECT ${selected} FROM ${name} WHERE ${where} ORDER BY ${order.split(", ").map(columnOf).join(", ")}`;
  let batch: Row[] = [];
  let size = 0;
  for (const found of db.prepare(sql).iterate()) {
    const row = kinds.map(([column, kind]) => shown(found[column] ?? null, kind));
    batch.push(row);
    for (const value of row) size += typeof value === "string" ? value.length : 0;
    if (batch.length < MOST_ROWS && size < ENOUGH) continue;
    yield batch;
    [batch, size] = [[], 0];
  }
  if (batch.length > 0) yield batch;
}

function shown(value: Stored, kind: Kind): Value {
  if (value === null) return null;
  switch (kind) {
    case "number":
      return Number(value);
    case "cursor":
      return parseCursor(String(value));
    case "flag":
      return Number(value) !== 0;
    case "time":
      return timeOf(wireTime(value));
    case "blank":
    case "list":
      return String(value) || null;
    default:
      return String(value);
  }
}

function timeOf(wire: string): string {
  const ms = Date.parse(wire);
  return Number.isNaN(ms) ? NO_TIME : new Date(ms).toISOString();
}

function stored(value: Value, kind: Kind): Stored {
  if (kind === "time") return storedTime(value as string | null);
  if (typeof value === "boolean") return value ? 1 : 0;
  return kind === "cursor" && value !== null ? String(value) : value;
}
