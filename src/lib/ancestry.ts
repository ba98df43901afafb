import { attempt } from "./attempt.ts";

/** A running process of this machine. */
export interface Process {
  pid: number;
  /** Names of the variables in the environment that it was started with. Undefined for a process of another user. */
  variables: readonly string[] | undefined;
}

const LONGEST = 64;

/** A process and those that started it, nearest first. Empty without Linux, and for a process that is gone. */
export function ancestry(pid: number): Process[] {
  const found: Process[] = [];
  for (let next = pid; next > 1 && found.length < LONGEST; ) {
    const parent = parentOf(next);
    if (parent === undefined) break;
    found.push({ pid: next, variables: variablesOf(next) });
    next = parent;
  }
  return found;
}

function parentOf(pid: number): number | undefined {
  const stat = read(`/proc/${pid}/stat`);
  // The name in brackets may hold brackets too. The 4th field is the parent.
  const parent = Number(stat?.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
  return Number.isSafeInteger(parent) ? parent : undefined;
}

function variablesOf(pid: number): string[] | undefined {
  return read(`/proc/${pid}/environ`)
    ?.split("\0")
    .map((pair) => pair.split("=")[0] ?? "");
}

/** True if stdin and stdout of a process are a terminal. False if that cannot be read. */
export function hasTerminal(pid: number): boolean {
  return [0, 1].every((fd) => /^\/dev\/(pts\/\d+|tty[A-Za-z]*\d+|console)$/.test(target(pid, fd) ?? ""));
}

/** True if the process holds the socket of that inode. */
export function holdsSocket(pid: number, inode: string): boolean {
  const { readdirSync } = process.getBuiltinModule("node:fs");
  const files = attempt(() => readdirSync(`/proc/${pid}/fd`)) ?? [];
  return files.some((fd) => target(pid, fd) === `socket:[${inode}]`);
}

function target(pid: number, fd: string | number): string | undefined {
  return attempt(() => process.getBuiltinModule("node:fs").readlinkSync(`/proc/${pid}/fd/${fd}`));
}

function read(path: string): string | undefined {
  return attempt(() => process.getBuiltinModule("node:fs").readFileSync(path, "latin1"));
}
