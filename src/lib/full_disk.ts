/** The sentence for an error that tells of a full disk, or of a used up quota. Null for any other error. */
export function fullDisk(error: unknown): string | null {
  const { code, path, dest } = error as { code?: unknown; path?: string; dest?: string };
  if (code !== "ENOSPC" && code !== "EDQUOT") return null;
  const place = dest ?? path;
  return `The disk is full${place === undefined ? "" : ` (${place})`}. Free some space, then run this again.`;
}
