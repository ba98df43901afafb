import * as fs from "node:fs";
import { attempt } from "../lib/attempt.ts";

interface Entry {
  /** Copy of the former file. Null if there was no file, absent if that is not known any more. */
  before?: string | null;
  mode?: number;
  /** SHA-256 of the content that the installer wrote. */
  written: string;
}

/** Content of `install.json`. */
export interface Manifest {
  files: Record<string, Entry>;
  /** Folders made by the installer, outer ones first. */
  folders: string[];
  leftOut?: Part[];
}

/** A part that the user can opt out of. */
export type Part = "service" | "plugin" | "hooks" | "allow" | "mcp";

/** The manifest as JSON, empty without a file. @throws Error when the file cannot be understood. */
export function readManifest(file: string): string {
  if (!fs.existsSync(file)) return '{"files":{},"folders":[]}';
  const text = fs.readFileSync(file, "utf8");
  const read = attempt(() => JSON.parse(text));
  if (typeof read?.files !== "object" || !Array.isArray(read.folders))
    throw new Error(`${file} lists what was installed, but cannot be read. Fix or remove it.`);
  return JSON.stringify(read);
}
