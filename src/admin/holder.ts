import { readFileSync } from "node:fs";
import type { InstallConfig } from "../config/client.ts";
import { attempt } from "../lib/attempt.ts";
import { run } from "../lib/exec.ts";
import { textOf } from "../lib/files.ts";
import { exists } from "../lib/process.ts";

/** The process that has a bus's database open. */
export async function holderOf(db: string, config: InstallConfig): Promise<number | undefined> {
  const pid = Number(textOf(`${db}.pid`) ?? "");
  if (!Number.isSafeInteger(pid) || pid <= 0 || !exists(pid)) return undefined;
  // The file of a killed bus stays, and its number may be another program's by now.
  return /\bserve\b/.test(await commandLineOf(pid, config)) ? pid : undefined;
}

async function commandLineOf(pid: number, config: InstallConfig): Promise<string> {
  if (process.platform !== "linux")
    return (await run(["ps", "-o", "command=", "-p", String(pid)], config)).stdout;
  return attempt(() => readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ")) ?? "";
}
