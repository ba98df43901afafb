import { lstatSync, type Stats, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { attempt } from "../lib/attempt.ts";
import { UsageError } from "../lib/command.ts";
import type { Json } from "../lib/json.ts";
import { realOf } from "../lib/permissions.ts";
import { copyDatabase, leapIds, makerOf } from "../sqlite/backup.ts";
import { troubleAt } from "../sqlite/faults.ts";
import { strayWal } from "../sqlite/foreign_wal.ts";
import { type Survey, surveyCopy } from "../sqlite/summary.ts";
import { isFolderName, makeFolder } from "./backup_folder.ts";
import { existingDatabase, postgresOf } from "./place.ts";
import { damaged, reasonOf } from "./reason.ts";

/**
 * Copies the database into a new file, or with tokens and settings into a new folder. Leaves nothing behind when it fails.
 * @throws Error with a sentence.
 */
export async function backup(args: { file: string; db?: string | undefined }): Promise<Json> {
  if (args.file === "") throw new UsageError("backup needs a FILE or a DIR, not an empty word.");
  const server = postgresOf(args.db);
  if (server !== null)
    throw new UsageError(
      `The database is ${server.shown}. PostgreSQL copies it while the buses run: pg_dump --format=custom --file=bus.dump ${server.shown}`,
    );
  const db = existingDatabase(args.db);
  const target = resolve(args.file);
  const isFolder = isFolderName(args.file);
  if (!isFolder) expectNew(target, db);
  const stray = strayWal(db);
  if (stray !== null) throw new Error(stray);
  const began = performance.now();
  let survey: Survey | undefined;
  const copy = (file: string) => {
    copyDatabase(db, file, (made) => {
      survey = surveyCopy(made, db);
      expectWhole(survey, db);
      leapIds(made, survey.schema_version);
    });
  };
  try {
    const made = isFolder ? makeFolder(db, target, new Date(), copy) : { file: target };
    if (!isFolder) copy(target);
    const milliseconds = Math.round(performance.now() - began);
    return { ...made, bytes: statSync(made.file).size, ...survey, milliseconds };
  } catch (error) {
    const where = isFolder ? resolve(target, "data.db") : target;
    throw new Error(`${sentenceOf(error, db, where)} No copy was made.`, { cause: error });
  }
}

const OWN_ENDS = ["-wal", "-shm", "-journal", ".lock", ".pid", ".tokens"];

function expectNew(file: string, db: string): void {
  // A copy would replace a link that leads nowhere.
  const found = statOf(file) ?? statOf(file, lstatSync);
  if (found !== undefined) throw new Error(`${file} exists already. Give the name of a new file.`);
  const folder = dirname(file);
  if (statOf(folder) === undefined) throw new Error(`There is no folder ${folder}. Make it first.`);
  if (!statOf(folder)?.isDirectory())
    throw new Error(`${folder} is not a folder. Give the name of a new file.`);
  for (const path of [db, realOf(db)])
    if (OWN_ENDS.some((end) => file === path + end) || makerOf(path, file) > 0)
      throw new Error(`${file} is a name that the bus uses itself. Give another one.`);
}

/** Undefined also for a path that leads through a file. */
function statOf(path: string, stat: (path: string) => Stats = statSync): Stats | undefined {
  return attempt(() => stat(path));
}

function expectWhole({ integrity, schema_version }: Survey, db: string): void {
  if (integrity !== "ok") throw new Unfit(`${db} is ${damaged(integrity, db).found}.`);
  if (schema_version === 0)
    throw new Unfit(
      `${db} is not a database of a bus. Name the bus's database with --db or AGENT_EVENT_BUS_DB.`,
    );
}

/** The database is not worth a copy. */
class Unfit extends Error {}

function sentenceOf(error: unknown, db: string, file: string): string {
  if (error instanceof Unfit) return error.message;
  const folder = dirname(file);
  const { code, message } = error as NodeJS.ErrnoException;
  const trouble = troubleAt(file, error);
  if (trouble === "storage_full" || code === "ENOSPC" || code === "EDQUOT")
    return `The disk of ${folder} is full. Free some space, or give a file on another disk.`;
  if (trouble === "storage_failed")
    return `${db} could not be read, or ${file} not be written (${message}). Check both disks and their free space.`;
  if (trouble !== null) {
    const { found, repair } = reasonOf(error, db);
    return `${db} cannot be copied: ${found}. ${repair.slice(0, 1).toUpperCase()}${repair.slice(1)}.`;
  }
  if (code === "EACCES" || code === "EPERM" || code === "EROFS")
    return `Nothing can be written to ${folder} (${code === "EROFS" ? "it is read-only" : "permission denied"}). Give a file in another folder.`;
  if (code === "ENOTDIR" || code === "EEXIST") return `${folder} is not a folder. Give another one.`;
  if (code === "ENAMETOOLONG") return `The name ${file} is too long. Give a shorter one.`;
  return `${db} could not be copied to ${file}: ${message}.`;
}
