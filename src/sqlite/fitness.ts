import { lstatSync, readFileSync, type Stats } from "node:fs";
import { basename, dirname, join } from "node:path";
import { attempt } from "../lib/attempt.ts";
import { quoted } from "../lib/escape.ts";
import { namesIn } from "../lib/permissions.ts";
import { rescueOf } from "./backup.ts";

/** Files that SQLite and the bus keep beside a database. */
const BESIDE = ["-wal", "-shm", "-journal", ".lock"];

/**
 * The reason why the bus may not use a database path, as a sentence. Null if it may. Opens no file: opening a named pipe
 * would never end.
 * @throws the file system's error when the path cannot be looked at.
 */
export function unfitness(path: string): string | null {
  const found = lookAt(path);
  if (found?.isDirectory())
    return `The database path ${path} is a folder. Give the path of a file (--db or AGENT_EVENT_BUS_DB).`;
  if (found !== undefined && !found.isFile())
    return `The database path ${path} is ${kindOf(found)}, not a file. Give the path of a file (--db or AGENT_EVENT_BUS_DB).`;
  // SQLite names the log of writes after the database. A database with two names has two logs.
  if (found !== undefined && found.nlink > 1)
    return `The database ${path} has ${found.nlink} hard links, and a bus that opens another link would lose events. Remove the other links, or make a separate file: cp ${path} ${path}.copy && mv ${path}.copy ${path}`;
  if (found !== undefined && isMountedAlone(path))
    return `The database ${path} is mounted without its folder, so its write-ahead log would be lost. Mount its folder instead.`;
  const rescued = found === undefined ? rescuedFor(path) : undefined;
  if (rescued !== undefined)
    return `There is no database at ${path}, but ${rescued} holds its data. Run: mv ${quoted(rescued)} ${quoted(path)} (or move it elsewhere to start afresh).`;
  for (const file of BESIDE.map((end) => `${path}${end}`)) {
    const beside = lookAt(file);
    if (beside !== undefined && !beside.isFile())
      return `The database ${path} cannot be opened: ${file} is ${kindOf(beside)}, not a file. Remove it and start again.`;
  }
  return null;
}

/** The kind of a file that is not regular, in words. */
export function kindOf(found: Stats): string {
  if (found.isDirectory()) return "a folder";
  if (found.isSymbolicLink()) return "a link";
  if (found.isFIFO()) return "a named pipe";
  if (found.isSocket()) return "a socket";
  return "a device";
}

function lookAt(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false });
}

/** The newest copy that a bus wrote after its file was gone. */
function rescuedFor(path: string): string | undefined {
  const start = basename(rescueOf(path));
  const isRescued = (name: string) => name.startsWith(start) && !name.endsWith(".partial");
  const name = namesIn(dirname(path)).filter(isRescued).sort().at(-1);
  return name === undefined ? undefined : join(dirname(path), name);
}

function isMountedAlone(path: string): boolean {
  // Only Linux has this file.
  const mounts = attempt(() => readFileSync("/proc/self/mountinfo", "utf8").split("\n")) ?? [];
  return mounts.some((line) => unescaped(line.split(" ")[4] ?? "") === path);
}

/** Resolves the octal escapes of mountinfo. */
function unescaped(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(Number.parseInt(octal, 8)));
}
