import type { Database } from "../../src/runtime/runtime.ts";
import type { Parts } from "../../src/sqlite/parts.ts";

/** What a table needs to prepare its statements on `db`. Its units run at once, outside any transaction. */
export function partsOn(db: Database): Parts {
  const run = async <T>(unit: () => T) => unit();
  return { db, writer: { read: run, write: run }, now: Date.now, steady: Date.now };
}
