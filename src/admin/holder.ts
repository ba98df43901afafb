import { readFileSync, readlinkSync } from "node:fs";
import type { InstallConfig } from "../config/client.ts";
import { attempt } from "../lib/attempt.ts";
import { run } from "../lib/exec.ts";
import { textOf } from "../lib/files.ts";
import { namesIn, realOf } from "../lib/permissions.ts";
import { exists, processStart } from "../lib/process.ts";
import { isLocked } from "../sqlite/lock.ts";

/** The process that has a database open as its one server. */
export type Holder =
  | { kind: "none" }
  /** A bus of this user. `started` tells it from a later process of the same number. */
  | { kind: "bus"; pid: number; started: string | null }
  /** A bus that this user may not signal. */
  | { kind: "other"; pid: number }
  /** The database is locked, and nothing proves which process did it. */
  | { kind: "unproved"; pid: number | undefined };

/** Finds the bus of a database: by its lock, the process id beside it, and that process's command line and open files. */
export async function busOf(given: string, config: InstallConfig): Promise<Holder> {
  const db = realOf(given);
  if (!isLocked(db)) return { kind: "none" };
  const pid = Number(attempt(() => textOf(`${db}.pid`)) ?? "");
  if (!Number.isSafeInteger(pid) || pid <= 0 || !exists(pid)) return { kind: "unproved", pid: undefined };
  // The number in the file may be another program's by now, or one of another container.
  const started = processStart(pid);
  if (!/\bserve\b/.test(await commandLineOf(pid, config)) || !hasOpen(pid, `${db}.lock`))
    return { kind: "unproved", pid };
  return isOwn(pid) ? { kind: "bus", pid, started } : { kind: "other", pid };
}

/** The process of the bus that has a database open, of any user. */
export async function holderOf(db: string, config: InstallConfig): Promise<number | undefined> {
  const found = await busOf(db, config);
  return found.kind === "bus" || found.kind === "other" ? found.pid : undefined;
}

/** True also if the system does not tell. */
function hasOpen(pid: number, file: string): boolean {
  const folder = `/proc/${pid}/fd`;
  const names = namesIn(folder);
  return (
    names.length === 0 || names.some((name) => attempt(() => readlinkSync(`${folder}/${name}`)) === file)
  );
}

/** True if this user may send the process a signal. */
function isOwn(pid: number): boolean {
  return attempt(() => process.kill(pid, 0)) !== undefined;
}

async function commandLineOf(pid: number, config: InstallConfig): Promise<string> {
  if (process.platform !== "linux")
    return (await run(["ps", "-o", "command=", "-p", String(pid)], config)).stdout;
  return attempt(() => readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ")) ?? "";
}
