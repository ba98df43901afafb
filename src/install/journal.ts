import * as fs from "node:fs";
import { basename, dirname, join, sep } from "node:path";
import {
  besideOf,
  type Content,
  digestOf,
  digestOfContent,
  kindOf,
  leftBeside,
  modeOf,
  replaceFile,
  targetOf,
  writable,
} from "./files.ts";
import { beAlone } from "./lock.ts";
import { type Book, type Part, readBook } from "./manifest.ts";

interface WriteOptions {
  /** Permissions; those of the file that is replaced, else 0644, when undefined. */
  mode?: number;
  /** What stands there is an older one of ours whatever it holds: no copy of it is kept. */
  ours?: boolean;
}

interface Named {
  /** The path itself is meant, not what a link there leads to. */
  link?: boolean;
}

const OWNER_FILE = 0o600;
const OWNER_FOLDER = 0o700;

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
  #release = () => {};

  /** Writes nothing. Throws Error when `install.json` is there and cannot be read. */
  constructor(data: string, now: () => number = Date.now) {
    this.#data = data;
    this.#file = join(data, "install.json");
    this.#now = now;
    this.#kept = readBook(this.#file);
    this.#book = JSON.parse(this.#kept);
  }

  /** Keeps other installers away until `keep` or `undo`. Throws Error with a sentence when one is at work, or was since this one looked. */
  begin(): void {
    try {
      this.#makeFolder(this.#data, OWNER_FOLDER);
      this.#release = beAlone(this.#data);
    } catch (error) {
      for (const one of this.#back) quietly(one);
      throw error;
    }
    this.#back.unshift(() => this.#release());
    if (readBook(this.#file) === this.#kept) return;
    this.#release();
    throw new Error("Another installer has changed this machine meanwhile. Run this again.");
  }

  /** Throws Error with a sentence when the file could not be written: looks at it, its folder, and the data directory. */
  check(path: string, { link }: Named = {}): void {
    writable(link ? path : targetOf(path), path);
    writable(this.#file);
  }

  /** What was written here and is not given back. */
  files(): string[] {
    return Object.keys(this.#book.files);
  }

  /** Whether the person did not want a part when it was last asked. */
  leftOut(part: Part): boolean {
    return this.#book.leftOut?.includes(part) === true;
  }

  /** Writes down whether a part is wanted. */
  leaveOut(part: Part, out: boolean): void {
    if (this.leftOut(part) === out) return;
    const others = (this.#book.leftOut ?? []).filter((one) => one !== part);
    this.#book.leftOut = out ? [...others, part] : others;
    this.#save();
  }

  /** Whether the file is as it was written here. */
  wrote(path: string): boolean {
    const key = this.#keyOf(path);
    return this.#book.files[key]?.written === digestOf(key);
  }

  /** Replaces a file at once for whoever reads it, and makes its folders. Text goes into what a link points to, not in its place. */
  write(given: string, content: Content, { mode, ours }: WriteOptions = {}): void {
    const path = typeof content === "string" ? targetOf(given) : given;
    this.#makeFolder(dirname(path));
    // Written down first: a file that nobody knows to be ours would stay for ever.
    this.#book.files[path] = { ...this.#firstOf(path, ours === true), written: digestOfContent(content) };
    this.#save();
    this.#setAside(path);
    replaceFile(path, content, mode ?? modeOf(path));
  }

  /** Gives back what stood there first; false, and nothing is done, when others have changed the file since, or the copy is gone. */
  restore(given: string, named: Named = {}): boolean {
    const path = this.#keyOf(given, named);
    const known = this.#book.files[path];
    if (known?.before === undefined || known.written !== digestOf(path)) return false;
    const { before, mode } = known;
    if (before !== null && kindOf(before) === "none") return false;
    this.#setAside(path);
    if (before === null) fs.rmSync(path);
    else replaceFile(path, { copyOf: before }, mode ?? modeOf(path), true);
    delete this.#book.files[path];
    this.#save();
    return true;
  }

  /** Removes a file or a link; what others wrote there is copied first. */
  remove(given: string, { ours, ...named }: Named & { ours?: boolean } = {}): void {
    const path = this.#keyOf(given, named);
    if (kindOf(path) !== "none") {
      if (!ours && !this.wrote(path)) this.#backUp(path);
      this.#setAside(path);
      fs.rmSync(path);
    }
    delete this.#book.files[path];
    this.#save();
  }

  /** Removes those folders that were made here and are empty. */
  removeFolders(): void {
    for (const folder of this.#book.folders.toReversed()) quietly(() => fs.rmdirSync(folder));
    this.#book.folders = this.#book.folders.filter((folder) => fs.existsSync(folder));
    if (JSON.stringify(this.#book) !== this.#kept) this.#save();
    this.keep();
  }

  /** The copy of what stood there before. */
  backupOf(path: string, named: Named = {}): string | undefined {
    return this.#book.files[this.#keyOf(path, named)]?.before ?? undefined;
  }

  /** Takes back everything since the last `keep`. */
  undo(): void {
    for (const one of this.#back) quietly(one);
    [this.#back, this.#leftovers] = [[], []];
    this.#book = JSON.parse(this.#kept);
    if (fs.existsSync(this.#file)) quietly(() => this.#save());
  }

  /** What was done stays. */
  keep(): void {
    for (const one of this.#leftovers) quietly(() => fs.rmSync(one, { force: true }));
    [this.#back, this.#leftovers] = [[], []];
    this.#kept = JSON.stringify(this.#book);
    this.#release();
  }

  // What is written through a link is known by its own name, a link that was made here by the link's.
  #keyOf(path: string, { link }: Named = {}): string {
    return link || path in this.#book.files ? path : targetOf(path);
  }

  /** What stood there before the first time; a copy is made of what others wrote. */
  #firstOf(path: string, ours: boolean): { before?: string | null; mode?: number } {
    const known = this.#book.files[path];
    const now = digestOf(path);
    // The second: an installer that was killed wrote down what it was about to do, and not more.
    const untouched =
      known !== undefined &&
      (known.written === now || (known.before !== undefined && digestOf(known.before ?? "") === now));
    if (untouched) return { ...known };
    if (ours) return { before: null };
    const before = this.#backUp(path);
    // Whatever was changed by others after the first time belongs to what stays.
    if (known !== undefined) return {};
    return before === null ? { before } : { before, mode: modeOf(path) };
  }

  #makeFolder(folder: string, mode = 0o755): void {
    if (fs.existsSync(folder)) return;
    this.#makeFolder(dirname(folder));
    // Undefined: somebody made it at the same moment.
    if (fs.mkdirSync(folder, { mode, recursive: true }) === undefined) return;
    if (!`${folder}${sep}`.startsWith(`${this.#data}${sep}`)) this.#book.folders.push(folder);
    this.#back.unshift(() => fs.rmdirSync(folder));
  }

  #backUp(path: string): string | null {
    if (kindOf(path) === "none") return null;
    const folder = join(this.#data, "backups");
    this.#makeFolder(this.#data, OWNER_FOLDER);
    this.#makeFolder(folder, OWNER_FOLDER);
    const time = new Date(this.#now()).toISOString().replace(/[:.]/g, "-");
    const copy = join(folder, `${basename(path)}.${time}`);
    this.#back.unshift(() => fs.rmSync(copy, { force: true }));
    replaceFile(copy, { copyOf: path }, OWNER_FILE, true);
    return copy;
  }

  // A second name keeps what was there: a copy of the executable would take as long as the installation.
  #setAside(path: string): void {
    for (const left of leftBeside(path)) fs.rmSync(left, { force: true });
    const kind = kindOf(path);
    if (kind === "none") {
      this.#back.unshift(() => fs.rmSync(path, { force: true }));
      return;
    }
    const aside = besideOf(path, String(this.#leftovers.length));
    fs.rmSync(aside, { force: true });
    if (kind === "link") fs.symlinkSync(fs.readlinkSync(path), aside);
    else fs.linkSync(path, aside);
    this.#leftovers.push(aside);
    this.#back.unshift(() => {
      fs.renameSync(aside, path);
      fs.rmSync(aside, { force: true }); // Two names of one file stay two.
    });
  }

  #save(): void {
    this.#makeFolder(this.#data, OWNER_FOLDER);
    if (!fs.existsSync(this.#file)) this.#back.unshift(() => fs.rmSync(this.#file, { force: true }));
    replaceFile(this.#file, `${JSON.stringify(this.#book, null, 2)}\n`, OWNER_FILE);
  }
}

function quietly(act: () => void): void {
  try {
    act();
  } catch {}
}
