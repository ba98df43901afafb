import * as fs from "node:fs";
import { basename, join } from "node:path";
import { settingsPath } from "../config/client.ts";
import { attempt } from "../lib/attempt.ts";
import { kindOf, replaceFile } from "../lib/files.ts";
import { namesIn } from "../lib/permissions.ts";
import { exists } from "../lib/process.ts";
import { syncFolder } from "../lib/sync_folder.ts";
import { freeName } from "../sqlite/backup.ts";
import { tokenFiles } from "../tokens/token_files.ts";

const OWNER_FILE = 0o600;
const OWNER_FOLDER = 0o700;
const NAME = "agent-event-bus-";

/** The files of a backup folder. */
export const PARTS = { database: "data.db", settings: "settings.env" } as const;

/** True for an existing folder, and for a name that ends like one. */
export function isFolderName(name: string): boolean {
  return /[/\\]$/.test(name) || attempt(() => fs.statSync(name).isDirectory()) === true;
}

/** The newest backup in a folder of backups. */
export function newestIn(folder: string): string | undefined {
  const isBackup = (name: string) =>
    name.startsWith(NAME) && fs.existsSync(join(folder, name, PARTS.database));
  const name = namesIn(folder).filter(isBackup).sort().at(-1);
  return name === undefined ? undefined : join(folder, name);
}

/**
 * Makes a dated folder with the database, which `copy` writes, its tokens, and the settings. The folder gets its name once
 * it is whole. Nothing is left behind when that fails.
 */
export function makeFolder(db: string, parent: string, now: Date, copy: (file: string) => void) {
  const isNew = !fs.existsSync(parent);
  fs.mkdirSync(parent, { recursive: true, mode: OWNER_FOLDER });
  discardAbandoned(parent);
  const folder = freeName(join(parent, `${NAME}${stampOf(now)}`));
  const partial = join(parent, `.${basename(folder)}.${process.pid}.partial`);
  try {
    fs.mkdirSync(partial, { mode: OWNER_FOLDER });
    copy(join(partial, PARTS.database));
    const tokens = copyTokens(db, join(partial, PARTS.database));
    const settings = kindOf(settingsPath()) !== "none";
    if (settings)
      replaceFile(
        join(partial, PARTS.settings),
        { copyOf: fs.realpathSync(settingsPath()) },
        OWNER_FILE,
        true,
      );
    syncFolder(partial);
    fs.renameSync(partial, folder);
    syncFolder(parent);
    return { folder, file: join(folder, PARTS.database), tokens, settings };
  } catch (error) {
    fs.rmSync(partial, { recursive: true, force: true });
    if (isNew) attempt(() => fs.rmdirSync(parent));
    throw error;
  }
}

/** Copies the tokens of a database to those of another one, whose folder must not hold any. Returns how many. */
export function copyTokens(from: string, to: string): number {
  const files = tokenFiles(from);
  if (files.length === 0) return 0;
  const folder = `${to}.tokens`;
  const staged = `${folder}.${process.pid}.partial`;
  fs.rmSync(staged, { recursive: true, force: true });
  fs.mkdirSync(staged, { mode: OWNER_FOLDER });
  // A file's time tells when its token was last used.
  for (const file of files) replaceFile(join(staged, basename(file)), { copyOf: file }, OWNER_FILE, true);
  syncFolder(staged);
  attempt(() => fs.rmdirSync(folder));
  fs.renameSync(staged, folder);
  return files.length;
}

/** `2026-01-31-080000`, in local time. */
export function stampOf(now: Date): string {
  const two = (number: number) => String(number).padStart(2, "0");
  const day = [now.getFullYear(), two(now.getMonth() + 1), two(now.getDate())].join("-");
  return `${day}-${[now.getHours(), now.getMinutes(), now.getSeconds()].map(two).join("")}`;
}

/** Removes what a killed backup left here. */
function discardAbandoned(parent: string): void {
  for (const name of namesIn(parent)) {
    const pid = Number(/^\.agent-event-bus-[\d-]+\.(\d+)\.partial$/.exec(name)?.[1]);
    if (pid === process.pid || (pid > 0 && !exists(pid)))
      fs.rmSync(join(parent, name), { recursive: true, force: true });
  }
}
