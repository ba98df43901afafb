import * as fs from "node:fs";

interface Entry {
  /** Copy of what stood there first; null: nothing did; absent: it is not known any more. */
  before?: string | null;
  /** Permissions of what stood there first. */
  mode?: number;
  /** SHA-256 of what was written. */
  written: string;
}

/** What `install.json` tells. */
export interface Book {
  files: Record<string, Entry>;
  /** Folders that were made, outer ones first. */
  folders: string[];
  /** Parts that the person did not want. */
  leftOut?: Part[];
}

/** What of an installation can be left out. */
export type Part = "hooks" | "allow" | "mcp";

/** The book as JSON; an empty one when there is none. Throws Error when it cannot be read. */
export function readBook(file: string): string {
  if (!fs.existsSync(file)) return '{"files":{},"folders":[]}';
  const text = fs.readFileSync(file, "utf8");
  try {
    const { files, folders } = JSON.parse(text);
    if (typeof files !== "object" || !Array.isArray(folders)) throw new Error("not a ledger");
  } catch {
    throw new Error(`${file} tells what was installed, and cannot be read: put it right, or remove it.`);
  }
  return JSON.stringify(JSON.parse(text));
}
