import * as fs from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { attempt } from "./attempt.ts";
import { MACHINE_ID_FILE } from "./machine_id.ts";

/** File or folder of the bus that only its owner may read. */
export interface Kept {
  path: string;
  /** The mode it should have. */
  mode: number;
  /** The mode it has. A link has the mode of its target. */
  found: number;
  /** User id, or -1 on Windows. */
  owner: number;
}

export interface Places {
  db: string;
  /** Logs, without the files they were rotated to. */
  logs: readonly string[];
  /** Data directory, which holds only files of the bus. The folder of a database elsewhere may hold others. */
  folder: string;
}

const OWNER_FILE = 0o600;
const OWNER_FOLDER = 0o700;

/** Files and folders of the bus that exist. */
export function keptIn({ db, logs, folder }: Places): Kept[] {
  // SQLite puts its own files beside the target of a link.
  const real = realOf(db);
  const backups = namesIn(dirname(db))
    .filter((name) => name.startsWith(`${basename(db)}.backup-`))
    .map((name) => join(dirname(db), name));
  const tokens = `${db}.tokens`;
  const files = [
    ...["", "-wal", "-shm", "-journal"].map((end) => `${real}${end}`),
    ...[".lock", ".pid"].map((end) => `${db}${end}`),
    ...backups,
    ...namesIn(tokens).map((name) => join(tokens, name)),
    ...logs.flatMap((log) => [log, `${log}.1`, `${log}.2`]),
    ...["settings.env", "token", MACHINE_ID_FILE].map((name) => join(folder, name)),
  ];
  return [
    ...[folder, tokens].flatMap((path) => keptAt(path, OWNER_FOLDER)),
    ...[...new Set(files)].flatMap((path) => keptAt(path, OWNER_FILE)),
  ];
}

/** Those that other users of the machine can read or write. None on Windows, which has no such modes. */
export function tooOpen(kept: readonly Kept[]): Kept[] {
  return process.platform === "win32" ? [] : kept.filter(({ found }) => (found & 0o077) !== 0);
}

/** Removes the access of other users. Returns what was changed, and what could not be. */
export function makePrivate(kept: readonly Kept[]): { changed: Kept[]; left: Kept[] } {
  const open = tooOpen(kept);
  for (const { path, mode } of open) restrict(path, mode);
  const stillOpen = ({ path, mode }: Kept) => tooOpen(keptAt(path, mode)).length > 0;
  return { changed: open.filter((one) => !stillOpen(one)), left: open.filter(stillOpen) };
}

/**
 * Removes the access of other users to a regular file or a folder of this user. Everything else keeps its mode: a device
 * belongs to the whole machine, and a link may lead to a file of another program.
 */
export function restrict(path: string, mode = OWNER_FILE): void {
  try {
    const found = fs.lstatSync(path);
    const kind = mode === OWNER_FOLDER ? found.isDirectory() : found.isFile();
    if (kind && isOwn(found)) fs.chmodSync(path, mode);
  } catch {}
}

function isOwn({ uid }: fs.Stats): boolean {
  return process.platform === "win32" || uid === process.geteuid?.();
}

/** Opens a file to append to. Creates it for its owner if it is missing. @throws Error when the path is not a regular file. */
export function makeFile(path: string): number {
  const { O_APPEND, O_CREAT, O_WRONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = fs.constants;
  // Without O_NONBLOCK, opening a named pipe would block.
  const file = fs.openSync(path, O_APPEND | O_CREAT | O_WRONLY | O_NOFOLLOW | O_NONBLOCK, OWNER_FILE);
  if (fs.fstatSync(file).isFile()) return file;
  fs.closeSync(file);
  throw Object.assign(new Error(`${path} is not a file`), { code: "EINVAL" });
}

const MOST_LINKS = 40;

/** Resolves all links in a path, even if nothing exists there. A path whose links lead in a circle stays as it is. */
export function realOf(path: string, links = MOST_LINKS): string {
  const real = attempt(() => fs.realpathSync(path));
  if (real !== undefined) return real;
  if (links === 0 || path === dirname(path)) return path;
  const folder = realOf(dirname(resolve(path)), links - 1);
  const target = attempt(() => fs.readlinkSync(path));
  return target === undefined ? join(folder, basename(path)) : realOf(resolve(folder, target), links - 1);
}

function keptAt(path: string, mode: number): Kept[] {
  const found = attempt(() => fs.statSync(path));
  if (found === undefined || !(mode === OWNER_FOLDER ? found.isDirectory() : found.isFile())) return [];
  return [{ path, mode, found: found.mode & 0o777, owner: process.platform === "win32" ? -1 : found.uid }];
}

export function namesIn(folder: string): string[] {
  return attempt(() => fs.readdirSync(folder)) ?? [];
}
