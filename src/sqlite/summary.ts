import { reading } from "./statements.ts";

/** The contents of a database, and the result of its check. */
export interface Survey {
  /** `ok`, the first finding of SQLite's integrity_check, or `not checked`. */
  integrity: string;
  /** 0 if it holds no tables of a bus. */
  schema_version: number;
  events: number;
  sessions: number;
  webhooks: number;
  pending_deliveries: number;
}

/**
 * Reads a whole database without changing it. Takes a second or two for a million events. Checks its pages only if `whole`.
 * @throws SQLite's errors.
 */
export function surveyDatabase(path: string, { whole } = { whole: true }): Survey {
  return reading(path, (db) => {
    const number = (sql: string) => Number(Object.values(db.prepare(sql).get() ?? {})[0] ?? 0);
    const has = (table: string) =>
      number(`SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = '${table}'`) === 1;
    const count = (table: string, which = "") =>
      has(table) ? number(`SELECT count(*) FROM ${table} ${which}`) : 0;
    const version = has("schema_version") ? number("SELECT max(version) FROM schema_version") : 1;
    const checked = whole ? db.prepare("PRAGMA integrity_check(1)").get()?.integrity_check : "not checked";
    return {
      integrity: String(checked),
      schema_version: has("events") && has("sessions") ? version : 0,
      events: count("events"),
      sessions: count("sessions"),
      webhooks: count("webhooks"),
      pending_deliveries: count("deliveries", "WHERE state = 'pending'"),
    };
  });
}
