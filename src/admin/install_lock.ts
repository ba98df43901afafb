import { rmSync } from "node:fs";
import { join } from "node:path";
import { attempt } from "../lib/attempt.ts";
import { lockHolder, takeLock } from "../sqlite/lock.ts";

/**
 * Takes the installer's lock of a data directory. Returns the function that releases it.
 * @throws Error with a sentence when another installer is at work.
 */
export function takeInstallLock(data: string): () => void {
  const name = join(data, "install");
  const lock = takeLock(name);
  if (lock === null)
    throw new Error(
      `Another installer is running (${lockHolder(name)}). Wait until it ends, then run this again.`,
    );
  let held = true;
  return () => {
    if (!held) return;
    held = false;
    // Windows keeps the file while it is open.
    attempt(() => rmSync(`${name}.lock`, { force: true }));
    lock.release();
  };
}
