import * as fs from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { settingsFile, settingsPath } from "../config/client.ts";
import { type Environment, parseSettings } from "../config/parse_settings.ts";
import { serverConfig } from "../config/server.ts";
import { attempt } from "../lib/attempt.ts";
import { quoted } from "../lib/escape.ts";
import { replaceFile, textOf } from "../lib/files.ts";
import type { Json } from "../lib/json.ts";
import { namesIn, realOf, restrict } from "../lib/permissions.ts";
import { syncFolder } from "../lib/sync_folder.ts";
import { copyDatabase, foldLog, freeName, leapOver } from "../sqlite/backup.ts";
import { troubleOf } from "../sqlite/faults.ts";
import { inspect } from "../sqlite/open.ts";
import { type Survey, surveyCopy } from "../sqlite/summary.ts";
import { openTokens } from "../tokens/token_files.ts";
import { copyTokens, newestIn, PARTS, stampOf } from "./backup_folder.ts";
import { databaseOf } from "./place.ts";
import { damaged, sentenceOf } from "./reason.ts";
import { lockStopped } from "./stopped.ts";

interface Source {
  /** The database of the backup. */
  file: string;
  /** Its folder, if a folder was given. */
  folder: string | undefined;
}

const OWNER_FILE = 0o600;
const ENDS = ["-wal", "-shm", "-journal"];

/**
 * Puts a backup in the place of the database, which is kept under another name. Tokens and settings come back only where
 * this machine has none. However this ends, the database is the one before or the one of the backup.
 * @throws Error with a sentence when nothing was changed.
 */
export async function restore(args: { from: string; db?: string | undefined }): Promise<Json> {
  const source = sourceOf(args.from);
  const settings = settingsOf(source);
  const db = databaseOf(args.db, { ...settings.wanted, ...settingsFile() });
  if (source.file === db) throw new Error(`${db} is the bus's database already. Give a backup.`);
  fs.mkdirSync(dirname(db), { recursive: true, mode: 0o700 });
  const lock = await lockStopped(db, args.db, "a restore");
  const copy = `${db}.restored`;
  try {
    discardAbandoned(db);
    const isFolded = fs.existsSync(db) && foldLog(db);
    const survey = takeCopy(source.file, copy, db);
    const kept = keepAside(db, isFolded);
    const tokens = restoreTokens(source, db);
    if (settings.state === "restored")
      replaceFile(settingsPath(), { copyOf: join(source.folder ?? "", PARTS.settings) }, OWNER_FILE, true);
    fs.renameSync(copy, db);
    // A log that is still there belongs to the former database, which could not be read. The kept copy has them too.
    for (const end of ENDS) fs.rmSync(db + end, { force: true });
    syncFolder(dirname(db));
    return {
      ...{ database: db, from: source.file, ...survey, kept: kept ?? null },
      ...(source.folder !== undefined && { tokens, settings: settings.state }),
    };
  } catch (error) {
    attempt(() => fs.rmSync(copy, { force: true }));
    throw new Error(`${sentenceOf(error)} Nothing was changed.`, { cause: error });
  } finally {
    lock.release();
  }
}

function sourceOf(given: string): Source {
  const path = realOf(resolve(given));
  const found = attempt(() => fs.statSync(path));
  if (found === undefined) throw new Error(`There is no backup at ${path}.`);
  if (!found.isDirectory()) return { file: path, folder: undefined };
  const file = join(path, PARTS.database);
  if (fs.existsSync(file)) return { file, folder: path };
  const newest = newestIn(path);
  throw new Error(
    newest === undefined
      ? `There is no backup in ${path}: no ${PARTS.database} is there.`
      : `${path} holds several backups. Give one of them, such as the newest: agent-event-bus restore ${quoted(newest)}`,
  );
}

/** Removes what a killed restore left beside the database. */
function discardAbandoned(db: string): void {
  const name = basename(db);
  for (const one of namesIn(dirname(db))) {
    const isKept = one.startsWith(`.${name}.backup-before-restore-`) && one.endsWith(".new");
    const isStaged = one.startsWith(`${name}.tokens.`) && one.endsWith(".partial");
    if (isKept || isStaged || one === `${name}.restored`)
      fs.rmSync(join(dirname(db), one), { recursive: true, force: true });
  }
}

interface FoundSettings {
  state: "restored" | "left" | "none" | "unusable";
  /** The settings of the backup, if they come back. */
  wanted: Environment;
}

function settingsOf({ folder }: Source): FoundSettings {
  const text = folder === undefined ? undefined : textOf(join(folder, PARTS.settings));
  if (text === undefined) return { state: "none", wanted: {} };
  if ((textOf(settingsPath()) ?? "").trim() !== "") return { state: "left", wanted: {} };
  const wanted = attempt(() => parseSettings(text, PARTS.settings));
  const isUsable = wanted !== undefined && attempt(() => serverConfig({}, {}, wanted)) !== undefined;
  return isUsable ? { state: "restored", wanted } : { state: "unusable", wanted: {} };
}

/** Writes the backup beside the database, checked, with ids that no event has had. */
function takeCopy(file: string, copy: string, db: string): Survey {
  let looked = copy;
  let survey: Survey | undefined;
  try {
    copyDatabase(file, copy, (made) => {
      looked = made;
      survey = surveyCopy(made, file);
      if (survey.integrity !== "ok") throw new Error(damaged(survey.integrity, file).found);
      if (inspect(made) === 0) throw new Error("it is not a database of a bus");
      leapOver(made, survey.schema_version, db);
    });
  } catch (error) {
    const { message, code } = error as NodeJS.ErrnoException;
    if (code === "ENOSPC" || troubleOf(error) === "storage_full") throw error;
    throw new Error(`${file} cannot be restored: ${message.replaceAll(looked, file)}.`, { cause: error });
  }
  return survey as Survey;
}

/** Copies the database of before, with its log of writes unless that is part of it. Undefined if there is no database. */
function keepAside(db: string, isFolded: boolean): string | undefined {
  const ends = (isFolded ? [] : ENDS).filter((end) => fs.existsSync(db + end));
  const isThere = fs.existsSync(db);
  if (!isThere && ends.length === 0) return undefined;
  const kept = freeName(`${db}.backup-before-restore-${stampOf(new Date())}`);
  for (const end of [...ends, ...(isThere ? [""] : [])])
    replaceFile(kept + end, { copyOf: db + end }, OWNER_FILE, true);
  return kept;
}

/** Restores tokens on a machine without any. An old copy of a token would let in again who was shut out since. */
function restoreTokens(
  { folder }: Source,
  db: string,
): { state: "restored" | "left" | "none"; names: string[] } {
  const backup = folder === undefined ? undefined : join(folder, PARTS.database);
  const names =
    backup === undefined
      ? []
      : openTokens(backup, Date.now)
          .list()
          .map(({ name }) => name);
  if (backup === undefined || names.length === 0) return { state: "none", names };
  const here = openTokens(db, Date.now);
  if (here.list().length + here.broken().length > 0) return { state: "left", names };
  copyTokens(backup, db);
  restrict(`${db}.tokens`, 0o700);
  return { state: "restored", names };
}
