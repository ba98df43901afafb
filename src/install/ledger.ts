import * as fs from "node:fs";
import { basename, dirname, join } from "node:path";
import { realOf } from "../store/private.ts";
import { type Content, digestOf, kindOf, modeOf, replaceFile, writable } from "./files.ts";

interface Entry {
  /** Copy of what stood there first; null: nothing did; absent: it is not known any more. */
  before?: string | null;
  /** SHA-256 of what was written. */
  written: string;
}

interface Book {
  files: Record<string, Entry>;
  /** Folders that were made, outer ones first. */
  folders: string[];
}

interface WriteOptions {
  /** Permissions; those of the file that is replaced, else 0644, when undefined. */
  mode?: number;
  /** What stands there is an older one of ours whatever it holds: no copy of it is kept. */
  ours?: true;
}

/**
 * Writes and removes the installer's files. It knows what was there before, in `install.json` and `backups/` of the data
 * directory, so that an uninstall gives it back. What was done since the last `keep` can be taken back.
 */
export class Ledger {
  readonly #data: string;
  readonly #file: string;
  readonly #now: () => number;
  #book: Book;
  #kept: string;
  /** Newest first. */
  #back: (() => void)[] = [];
  #leftovers: string[] = [];

  /** Writes nothing. Throws Error when `install.json` is there and cannot be read. */
  constructor(data: string, now: () => number = Date.now) {
    this.#data = data;
    this.#file = join(data, "install.json");
    this.#now = now;
    this.#kept = read(this.#file);
    this.#book = JSON.parse(this.#kept);
  }

  /** Throws Error with a sentence when the file could not be written: looks at it, its folder, and the data directory. */
  check(path: string): void {
    for (const one of [path, this.#file]) writable(one);
  }

  /** Replaces a file at once for whoever reads it, and makes its folders. Text goes into what a link points to, not in its place. */
  write(given: string, content: Content, { mode, ours }: WriteOptions = {}): void {
    const path = typeof content === "string" ? realOf(given) : given;
    this.#makeFolder(dirname(path));
    const known = this.#book.files[path];
    const untouched = known !== undefined && known.written === digestOf(path);
    const before = ours ? null : untouched ? known.before : this.#backUp(path);
    this.#setAside(path);
    replaceFile(path, content, mode ?? modeOf(path));
    // Whatever was changed by others after the first time belongs to what stays.
    const first = known === undefined || untouched || ours;
    this.#book.files[path] = { ...(first && before !== undefined && { before }), written: digestOf(path) };
    this.#save();
  }

  /** Gives back what stood there first; false, and nothing is done, when others have changed the file since. */
  restore(given: string): boolean {
    const path = realOf(given);
    const known = this.#book.files[path];
    if (known?.before === undefined || known.written !== digestOf(path)) return false;
    this.#setAside(path);
    if (known.before === null) fs.rmSync(path);
    else replaceFile(path, { copyOf: known.before }, modeOf(path));
    delete this.#book.files[path];
    this.#save();
    return true;
  }

  /** Removes a file or a link. */
  remove(path: string): void {
    delete this.#book.files[path];
    if (kindOf(path) !== "none") {
      this.#setAside(path);
      fs.rmSync(path);
    }
    this.#save();
  }

  /** Removes those folders that were made here and are empty. */
  removeFolders(): void {
    const { folders } = this.#book;
    for (const folder of folders.toReversed()) {
      if (quietly(() => fs.rmdirSync(folder))) folders.splice(folders.indexOf(folder), 1);
    }
    this.#save();
  }

  /** The copy of what stood there before. */
  backupOf(path: string): string | undefined {
    return this.#book.files[path]?.before ?? undefined;
  }

  /** Takes back everything since the last `keep`. */
  undo(): void {
    for (const one of this.#back) quietly(one);
    [this.#back, this.#leftovers] = [[], []];
    this.#book = JSON.parse(this.#kept);
    if (fs.existsSync(this.#file)) this.#save();
  }

  /** What was done stays. */
  keep(): void {
    for (const one of this.#leftovers) quietly(() => fs.rmSync(one, { force: true }));
    [this.#back, this.#leftovers] = [[], []];
    this.#kept = JSON.stringify(this.#book);
  }

  #makeFolder(folder: string, mode = 0o755): void {
    if (fs.existsSync(folder)) return;
    this.#makeFolder(dirname(folder));
    fs.mkdirSync(folder, { mode });
    if (!folder.startsWith(this.#data)) this.#book.folders.push(folder);
    this.#back.unshift(() => fs.rmdirSync(folder));
  }

  #backUp(path: string): string | null {
    if (kindOf(path) === "none") return null;
    const folder = join(this.#data, "backups");
    this.#makeFolder(folder, 0o700);
    const time = new Date(this.#now()).toISOString().replace(/[:.]/g, "-");
    const copy = join(folder, `${basename(path)}.${time}`);
    if (kindOf(path) === "link") fs.symlinkSync(fs.readlinkSync(path), copy);
    else replaceFile(copy, { copyOf: path }, 0o600);
    return copy;
  }

  // A second name keeps what was there: a copy of the executable would take as long as the installation.
  #setAside(path: string): void {
    const kind = kindOf(path);
    if (kind === "none") {
      this.#back.unshift(() => fs.rmSync(path, { force: true }));
      return;
    }
    const aside = join(dirname(path), `.${basename(path)}.${process.pid}.${this.#leftovers.length}`);
    if (kind === "link") fs.symlinkSync(fs.readlinkSync(path), aside);
    else fs.linkSync(path, aside);
    this.#leftovers.push(aside);
    this.#back.unshift(() => fs.renameSync(aside, path));
  }

  #save(): void {
    this.#makeFolder(this.#data, 0o700);
    if (!fs.existsSync(this.#file)) this.#back.unshift(() => fs.rmSync(this.#file, { force: true }));
    replaceFile(this.#file, `${JSON.stringify(this.#book, null, 2)}\n`, 0o600);
  }
}

function read(file: string): string {
  if (!fs.existsSync(file)) return '{"files":{},"folders":[]}';
  const text = fs.readFileSync(file, "utf8");
  try {
    JSON.parse(text);
  } catch {
    throw new Error(`${file} is not JSON. It tells what was installed: put it right, or remove it.`);
  }
  return text;
}

function quietly(act: () => void): boolean {
  try {
    act();
    return true;
  } catch {
    return false;
  }
}
