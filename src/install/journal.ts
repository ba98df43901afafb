import * as fs from "node:fs";
import { basename, dirname, join, sep } from "node:path";
import { takeInstallLock } from "../admin/install_lock.ts";
import { attempt } from "../lib/attempt.ts";
import {
  type Content,
  digestOf,
  digestOfContent,
  expectWritable,
  kindOf,
  leftBeside,
  linkAside,
  modeOf,
  replaceFile,
} from "../lib/files.ts";
import { realOf } from "../lib/permissions.ts";
import { type Manifest, type Part, readManifest } from "./manifest.ts";

interface Options {
  /** The path itself is meant, not the target of a link there. */
  link?: boolean;
  /** The former file is an older one of ours. No copy of it is kept. */
  ours?: boolean;
  /** Permissions. By default those of the former file, else 0644. */
  mode?: number;
}

const OWNER_FILE = 0o600;
const OWNER_FOLDER = 0o700;
const FOLDER = 0o755;

/**
 * Makes the installer's changes, and can undo those since the last `keep`. Records former files in `install.json` and
 * `backups/` of the data directory, so that an uninstall restores them.
 */
export class Journal {
  readonly #data: string;
  readonly #file: string;
  #manifest: Manifest;
  #kept: string;
  /** Newest first. */
  #undoFiles: (() => void)[] = [];
  #undoPrograms: (() => Promise<void>)[] = [];
  #leftovers: string[] = [];
  #release = () => {};

  /** @throws Error when `install.json` cannot be understood. */
  constructor(data: string) {
    this.#data = data;
    this.#file = join(data, "install.json");
    this.#kept = readManifest(this.#file);
    this.#manifest = JSON.parse(this.#kept);
  }

  /**
   * Keeps other installers away until `keep` or `undo`.
   * @throws Error with a sentence when another one is at work, or has changed the manifest since this one read it.
   */
  begin(): void {
    try {
      this.#makeFolder(this.#data);
      this.#release = takeInstallLock(this.#data);
    } catch (error) {
      for (const undo of this.#undoFiles) attempt(undo);
      throw error;
    }
    this.#undoFiles.unshift(() => this.#release());
    if (readManifest(this.#file) === this.#kept) return;
    this.#release();
    throw new Error("Another installer changed this machine at the same time. Run this again.");
  }

  /** @throws Error with a sentence when the file, its folder or the manifest cannot be written. */
  check(path: string, { link }: Options = {}): void {
    expectWritable(link ? path : realOf(path), path);
    expectWritable(this.#file);
  }

  /** Files that the installer wrote and has not restored. */
  files(): string[] {
    return Object.keys(this.#manifest.files);
  }

  /** True if the user opted out of this part at the last install. */
  leftOut(part: Part): boolean {
    return this.#manifest.leftOut?.includes(part) === true;
  }

  leaveOut(part: Part, out: boolean): void {
    if (this.leftOut(part) === out) return;
    const others = (this.#manifest.leftOut ?? []).filter((one) => one !== part);
    this.#manifest.leftOut = out ? [...others, part] : others;
    this.#save();
  }

  /** True if the file holds what the installer wrote. */
  wrote(path: string): boolean {
    const key = this.#keyOf(path);
    const known = this.#manifest.files[key];
    return known !== undefined && known.written === digestOf(key);
  }

  /** Replaces a file atomically, and makes its folders. A text is written to the target of a link. */
  write(given: string, content: Content, { mode, ours }: Options = {}): void {
    const path = typeof content === "string" ? realOf(given) : given;
    this.#makeFolder(dirname(path));
    // Recorded first. Otherwise a crash would leave a file that no uninstall removes.
    this.#manifest.files[path] = {
      ...this.#formerOf(path, ours === true),
      written: digestOfContent(content),
    };
    this.#save();
    this.#setAside(path);
    replaceFile(path, content, mode ?? modeOf(path));
  }

  /** Restores the former file. Returns false, and does nothing, if others have changed the file or the copy is gone. */
  restore(given: string, options: Options = {}): boolean {
    const path = this.#keyOf(given, options);
    const known = this.#manifest.files[path];
    if (known?.before === undefined || known.written !== digestOf(path)) return false;
    const { before, mode } = known;
    if (before !== null && kindOf(before) === "none") return false;
    this.#setAside(path);
    if (before === null) fs.rmSync(path);
    else replaceFile(path, { copyOf: before }, mode ?? modeOf(path), true);
    this.#forget(path);
    return true;
  }

  /** Removes a file or a link. Copies it first if others wrote it. */
  remove(given: string, options: Options = {}): void {
    const path = this.#keyOf(given, options);
    if (kindOf(path) !== "none") {
      if (!options.ours && !this.wrote(path)) this.#backUp(path);
      this.#setAside(path);
      fs.rmSync(path);
    }
    this.#forget(path);
  }

  /** Removes the installer's folders that are empty, of those that are meant. */
  removeFolders(isMeant = (_folder: string) => true): void {
    const { folders } = this.#manifest;
    for (const folder of folders.filter(isMeant).toReversed()) attempt(() => fs.rmdirSync(folder));
    this.#manifest.folders = this.#manifest.folders.filter((folder) => fs.existsSync(folder));
    if (JSON.stringify(this.#manifest) !== this.#kept) this.#save();
    this.keep();
  }

  backupOf(path: string, options: Options = {}): string | undefined {
    return this.#manifest.files[this.#keyOf(path, options)]?.before ?? undefined;
  }

  /** Adds what undoes a change outside of files, such as a started service. Runs once all files are restored. */
  onUndo(undo: () => Promise<void>): void {
    this.#undoPrograms.unshift(undo);
  }

  /** Undoes everything since the last `keep`. */
  async undo(): Promise<void> {
    for (const undo of this.#undoFiles) attempt(undo);
    this.#manifest = JSON.parse(this.#kept);
    if (fs.existsSync(this.#file)) attempt(() => this.#save());
    const programs = this.#undoPrograms;
    this.#clear();
    for (const undo of programs) await undo().catch(() => {});
  }

  /** Makes all changes final. */
  keep(): void {
    for (const one of this.#leftovers) attempt(() => fs.rmSync(one, { force: true }));
    this.#clear();
    this.#kept = JSON.stringify(this.#manifest);
    this.#release();
  }

  #clear(): void {
    [this.#undoFiles, this.#undoPrograms, this.#leftovers] = [[], [], []];
  }

  // A file written through a link is recorded by its own name, a link of ours by the link's.
  #keyOf(path: string, { link }: Options = {}): string {
    return link || path in this.#manifest.files ? path : realOf(path);
  }

  #forget(path: string): void {
    delete this.#manifest.files[path];
    this.#save();
  }

  /** The file before the first write, with a copy if others wrote it. */
  #formerOf(path: string, ours: boolean): { before?: string | null; mode?: number } {
    const known = this.#manifest.files[path];
    if (known !== undefined) {
      const now = digestOf(path);
      // The second case: an installer was killed between its record and its write.
      if (known.written === now || (known.before !== undefined && digestOf(known.before ?? "") === now))
        return { ...known };
    }
    if (ours) return { before: null };
    const before = this.#backUp(path);
    // Changes by others after the first write are not undone by an uninstall.
    if (known !== undefined) return {};
    return before === null ? { before } : { before, mode: modeOf(path) };
  }

  #makeFolder(folder: string): void {
    if (fs.existsSync(folder)) return;
    this.#makeFolder(dirname(folder));
    const isData = `${folder}${sep}`.startsWith(`${this.#data}${sep}`);
    const made = fs.mkdirSync(folder, { mode: isData ? OWNER_FOLDER : FOLDER, recursive: true });
    // Another process made the folder at the same moment.
    if (made === undefined) return;
    if (!isData) this.#manifest.folders.push(folder);
    this.#undoFiles.unshift(() => fs.rmdirSync(folder));
  }

  #backUp(path: string): string | null {
    if (kindOf(path) === "none") return null;
    const folder = join(this.#data, "backups");
    this.#makeFolder(folder);
    const time = new Date().toISOString().replace(/[:.]/g, "-");
    const copy = join(folder, `${basename(path)}.${time}`);
    this.#undoFiles.unshift(() => fs.rmSync(copy, { force: true }));
    replaceFile(copy, { copyOf: path }, OWNER_FILE, true);
    return copy;
  }

  // A second name keeps the former file. Copying the executable would take as long as installing it.
  #setAside(path: string): void {
    for (const left of leftBeside(path)) fs.rmSync(left, { force: true });
    if (kindOf(path) === "none") {
      this.#undoFiles.unshift(() => fs.rmSync(path, { force: true }));
      return;
    }
    const aside = linkAside(path, String(this.#leftovers.length));
    this.#leftovers.push(aside);
    this.#undoFiles.unshift(() => {
      fs.renameSync(aside, path);
      fs.rmSync(aside, { force: true }); // Both names stay if they are of one file.
    });
  }

  #save(): void {
    this.#makeFolder(this.#data);
    if (!fs.existsSync(this.#file)) this.#undoFiles.unshift(() => fs.rmSync(this.#file, { force: true }));
    replaceFile(this.#file, `${JSON.stringify(this.#manifest, null, 2)}\n`, OWNER_FILE);
  }
}
