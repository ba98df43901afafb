import { afterAll } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** An empty folder that is removed when the test file ends, or the test that asked for it. */
export function tempFolder(outlives?: true): string {
  const folder = mkdtempSync(join(tmpdir(), "aeb-test-"));
  // Not once for the module: that would serve the first test file only.
  if (outlives) kept.add(folder);
  else afterAll(() => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
  return folder;
}

const kept = new Set<string>();

/** Removes the folders that outlive a test. */
export function removeFolders(): void {
  for (const folder of kept) rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  kept.clear();
}
