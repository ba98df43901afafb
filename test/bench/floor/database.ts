import { Database } from "bun:sqlite";
import { openDatabase } from "../../../src/runtime/runtime.ts";
import { MIGRATIONS } from "../../../src/sqlite/schema.ts";

/** A database with the bus's own tables, as durable as the bus's, and nothing of the bus around it. */
export function floorDatabase(path: string): Database {
  const tables = openDatabase(path);
  for (const migration of MIGRATIONS) migration.apply(tables);
  tables.close();
  const db = new Database(path);
  db.run("PRAGMA journal_mode = WAL");
  db.run("PRAGMA synchronous = FULL");
  return db;
}
