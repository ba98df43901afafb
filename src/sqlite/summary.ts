import { openDatabase } from "../runtime/runtime.ts";
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

const MOST_FINDINGS = 100_000;
/** SQLite's findings about the entries of an index. Every one about a table, or about pages, reads differently. */
const OF_INDEX =
  /^(row \d+ (missing from|values differ from) index|(non-unique entry|wrong # of entries) in index|rowid not at end-of-record for row \d+ of index) /;

/**
 * True if a database is damaged, and nothing of it but entries of indexes. Its tables hold all that a new index needs.
 * @throws SQLite's errors.
 */
export function hasBadIndexesAlone(path: string): boolean {
  const found = reading(path, (db) => db.prepare(`PRAGMA integrity_check(${MOST_FINDINGS})`).all());
  return found.length < MOST_FINDINGS && found.every((row) => OF_INDEX.test(String(row.integrity_check)));
}

/**
 * Surveys a copy of a database. If the original has bad indexes alone, they are built anew in the copy first.
 * @throws SQLite's errors.
 */
export function surveyCopy(copy: string, original: string): Survey & { indexes_rebuilt?: true } {
  const survey = surveyDatabase(copy);
  if (survey.integrity === "ok" || !hasBadIndexesAlone(original)) return survey;
  const db = openDatabase(copy);
  try {
    db.exec("REINDEX");
  } finally {
    db.close();
  }
  return { ...surveyDatabase(copy), indexes_rebuilt: true };
}
