import type { Database, Statement } from "../runtime/runtime.ts";

/** Prepares the statements of a table, each under its name. */
export function prepared<Name extends string>(
  db: Database,
  sql: Readonly<Record<Name, string>>,
): Record<Name, Statement> {
  const statements = Object.entries<string>(sql).map(([name, text]) => [name, db.prepare(text)]);
  return Object.fromEntries(statements) as Record<Name, Statement>;
}
