import { existsSync, renameSync, statSync } from "node:fs";
import { resolve } from "node:path";
import type { Json } from "../lib/json.ts";
import { realOf } from "../lib/permissions.ts";
import { copyDatabase, freeName } from "../sqlite/backup.ts";
import { inspect } from "../sqlite/open.ts";
import { lockDatabase } from "../sqlite/store.ts";
import { surveyDatabase } from "../sqlite/summary.ts";
import { databaseOf } from "./place.ts";

/**
 * Replaces an empty database by a copy of another one, which is only read. Keeps the empty one under another name.
 * @throws Error with a sentence, before any change, also when a bus runs or the database holds events.
 */
export async function adopt(args: { file: string; db?: string | undefined }): Promise<Json> {
  const file = realOf(resolve(args.file));
  const db = databaseOf(args.db);
  if (!statSync(file, { throwIfNoEntry: false })?.isFile())
    throw new Error(`There is no database at ${file}.`);
  if (file === db) throw new Error(`${file} is already the bus's database.`);
  const lock = lockDatabase(db);
  try {
    expectEmpty(db);
    const copy = `${db}.adopted`;
    takeCopy(file, copy);
    const survey = surveyDatabase(copy, { whole: false });
    const kept = putAside(db);
    renameSync(copy, db);
    return { file, database: db, ...survey, ...(kept !== undefined && { kept }) };
  } finally {
    lock.release();
  }
}

function expectEmpty(db: string): void {
  const events = existsSync(db) && statSync(db).size > 0 ? surveyDatabase(db, { whole: false }).events : 0;
  if (events > 0) throw new Error(`${db} holds ${events} events. Only an empty database can be replaced.`);
}

// Refuses a database that the bus could not open, before any change.
function takeCopy(file: string, target: string): void {
  let looked = file;
  try {
    copyDatabase(file, target, (copy) => {
      looked = copy;
      if (inspect(copy) === 0) throw new Error("not a database of a bus");
    });
  } catch (error) {
    const why = error instanceof Error ? error.message.replaceAll(looked, file) : String(error);
    throw new Error(`${file} cannot be taken over: ${why}`, { cause: error });
  }
}

/** Renames the empty database with its log of writes. Undefined if there is no database. */
function putAside(db: string): string | undefined {
  if (!existsSync(db)) return undefined;
  const kept = freeName(`${db}.empty`);
  for (const end of ["-wal", "-shm", ""]) if (existsSync(db + end)) renameSync(db + end, kept + end);
  return kept;
}
