import { attempt } from "./attempt.ts";

/** A running process of this machine. */
export interface Process {
  pid: number;
  /** The name of its program, at most 15 characters. */
  name: string;
  /** Names of the variables in the environment that it was started with. Undefined for a process of another user. */
  variables: readonly string[] | undefined;
}

const LONGEST = 64;

/** A process and those that started it, nearest first. Empty without Linux, and for a process that is gone. */
export function ancestry(pid: number): Process[] {
  const found: Process[] = [];
  for (let next = pid; next > 1 && found.length < LONGEST; ) {
    const stat = statOf(next);
    if (stat === undefined) break;
    found.push({ pid: next, name: stat.name, variables: variablesOf(next) });
    next = stat.parent;
  }
  return found;
}

function statOf(pid: number): { name: string; parent: number } | undefined {
  const stat = read(`/proc/${pid}/stat`) ?? "";
  // The name in brackets may hold brackets too. The 4th field is the parent.
  const end = stat.lastIndexOf(")");
  const parent = Number(stat.slice(end + 2).split(" ")[1]);
  return Number.isSafeInteger(parent) ? { name: stat.slice(stat.indexOf("(") + 1, end), parent } : undefined;
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

/** True if the process holds all these sockets, and there is one. */
export function holdsSockets(pid: number, inodes: readonly string[]): boolean {
  const held = new Set(filesOf(pid).map((fd) => target(pid, fd)));
  return inodes.length > 0 && inodes.every((inode) => held.has(`socket:[${inode}]`));
}

/** Files that are looked at before other work of this process may come between. */
const AT_ONCE = 256;

/** The processes that hold one of these sockets, this one aside. Those of other users are not seen. */
export async function holdersOf(inodes: readonly string[]): Promise<number[]> {
  const { setImmediate: nextTurn } = process.getBuiltinModule("node:timers/promises");
  const { readdir } = process.getBuiltinModule("node:fs/promises");
  const names = (path: string) => readdir(path).catch((): string[] => []);
  const wanted = new Set(inodes.map((inode) => `socket:[${inode}]`));
  const found = new Set<number>();
  let looked = 0;
  for (const name of await names("/proc")) {
    const pid = Number(name);
    if (!Number.isSafeInteger(pid) || pid === process.pid) continue;
    for (const fd of await names(`/proc/${pid}/fd`)) {
      if (++looked % AT_ONCE === 0) await nextTurn();
      if (wanted.has(target(pid, fd) ?? "")) found.add(pid);
    }
  }
  return [...found];
}

function filesOf(pid: number): string[] {
  return attempt(() => process.getBuiltinModule("node:fs").readdirSync(`/proc/${pid}/fd`)) ?? [];
}

function target(pid: number, fd: string | number): string | undefined {
  return attempt(() => process.getBuiltinModule("node:fs").readlinkSync(`/proc/${pid}/fd/${fd}`));
}

function read(path: string): string | undefined {
  return attempt(() => process.getBuiltinModule("node:fs").readFileSync(path, "latin1"));
}
