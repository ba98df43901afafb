import { rmSync } from "node:fs";
import { join } from "node:path";
import { lockHolder, takeLock } from "../sqlite/lock.ts";

/** Keeps other installers of a data directory away until what it returns is called. Throws Error with a sentence when one is at work. */
export function beAlone(data: string): () => void {
  const name = join(data, "install");
  const lock = takeLock(name);
  if (lock === null)
    throw new Error(
      `Another installer is at work here (${lockHolder(name)}). Wait until it has ended, then run this again.`,
    );
  let held = true;
  return () => {
    if (!held) return;
    held = false;
    try {
      rmSync(`${name}.lock`, { force: true });
    } catch {
      // Windows keeps it as long as it is open.
    }
    lock.release();
  };
}
