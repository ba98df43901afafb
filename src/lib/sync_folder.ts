import { closeSync, fsyncSync, openSync } from "node:fs";

/** Waits until a folder's own list of files is on disk. Windows has no such call. */
export function syncFolder(path: string): void {
  if (process.platform === "win32") return;
  const folder = openSync(path, "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
