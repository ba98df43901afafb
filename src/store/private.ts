import { chmodSync, lstatSync, readdirSync, realpathSync, type Stats, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";

/** A file or a folder of the bus that only its owner may read. */
export interface Kept {
  path: string;
  /** The mode it should have. */
  mode: number;
  /** The mode it has; of a link, what it points to has. */
  found: number;
  /** User id; -1 where there is no such thing. */
  owner: number;
}

export interface Places {
  db: string;
  /** Logs; each with what it was rotated to. */
  logs: readonly string[];
  /** The data directory: it holds nothing but the bus's files. The folder of a database elsewhere is its owner's matter. */
  folder: string;
}

const OWNER_FILE = 0o600;
const OWNER_FOLDER = 0o700;

/** Everything of the bus that exists in its places. */
export function keptIn({ db, logs, folder }: Places): Kept[] {
  // SQLite puts its own files beside what a link points to.
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
    ...["settings.env", "token"].map((name) => join(folder, name)),
  ];
  return [
    ...[folder, tokens].flatMap((path) => keptAt(path, OWNER_FOLDER)),
    ...[...new Set(files)].flatMap((path) => keptAt(path, OWNER_FILE)),
  ];
}

/** Those that other users of the machine can read or write. Windows has no such modes. */
export function tooOpen(kept: readonly Kept[]): Kept[] {
  return process.platform === "win32" ? [] : kept.filter(({ found }) => (found & 0o077) !== 0);
}

/** Takes from others what they could read; returns what was changed, and what had to be left. */
export function makePrivate(kept: readonly Kept[]): { changed: Kept[]; left: Kept[] } {
  const open = tooOpen(kept);
  for (const { path, mode } of open) restrict(path, mode);
  const stillOpen = ({ path, mode }: Kept) => tooOpen(keptAt(path, mode)).length > 0;
  return { changed: open.filter((one) => !stillOpen(one)), left: open.filter(stillOpen) };
}

/**
 * Takes a file or a folder from others. A link stays, it could point to a file that has nothing to do with the bus; so does
 * what another user owns.
 */
export function restrict(path: string, mode = OWNER_FILE): void {
  try {
    if (!lstatSync(path).isSymbolicLink()) chmodSync(path, mode);
  } catch {}
}

/** What a link, or a chain of them, points to; the path itself when it is none or leads nowhere. */
export function realOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

function keptAt(path: string, mode: number): Kept[] {
  const found = statOf(path);
  if (found === undefined || !(mode === OWNER_FOLDER ? found.isDirectory() : found.isFile())) return [];
  return [{ path, mode, found: found.mode & 0o777, owner: process.platform === "win32" ? -1 : found.uid }];
}

function statOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
