import { type Database, openDatabase, type Statement } from "../runtime/runtime.ts";

/** Prepares the statements of a table, each under its name. */
export function prepared<Name extends string>(
  db: Database,
  sql: Readonly<Record<Name, string>>,
): Record<Name, Statement> {
  const statements = Object.entries<string>(sql).map(([name, text]) => [name, db.prepare(text)]);
  return Object.fromEntries(statements) as Record<Name, Statement>;
}

/** Lets `use` read a database on a connection of its own, which may not write. */
export function reading<T>(path: string, use: (db: Database) => T): T {
  const db = openDatabase(path, { readonly: true });
  try {
    db.exec("PRAGMA busy_timeout = 1000");
    return use(db);
  } finally {
    db.close();
  }
}
