import * as fs from "node:fs";

const BLOCK = 64 * 1024;
const NEWLINE = 0x0a;

/** The end of a file. */
export interface End {
  lines: string[];
  /** Bytes up to the last newline. */
  complete: number;
}

/** The last lines of an open file before `until`, read backwards in blocks. A last line without a newline counts. */
export function endOf(file: number, count: number, until: number = fs.fstatSync(file).size): End {
  const blocks: Buffer[] = [];
  let newlines = 0;
  let at = until;
  // Includes the newline before the first line.
  while (at > 0 && newlines <= count) {
    const block = readAt(file, Math.max(0, at - BLOCK), Math.min(BLOCK, at));
    at -= Math.min(BLOCK, at);
    for (const byte of block) if (byte === NEWLINE) newlines++;
    blocks.unshift(block);
  }
  const bytes = Buffer.concat(blocks);
  const complete = at + bytes.lastIndexOf(NEWLINE) + 1;
  const lines = linesIn(at === 0 ? bytes : bytes.subarray(bytes.indexOf(NEWLINE) + 1));
  return { lines: count === 0 ? [] : lines.slice(-count), complete };
}

/** The last lines of a log, and of its rotated files while it has too few. */
export function lastLines(log: string, count: number): string[] {
  return withOlder([log, ...rotated(log)], count, []);
}

function rotated(log: string): string[] {
  return [`${log}.1`, `${log}.2`];
}

/** Lines of an open log, with the last ones of other files before them while there are too few. */
function withOlder(paths: readonly string[], count: number, found: string[], open?: number): string[] {
  // A rotation can move a file that was read.
  const seen = new Set(open === undefined ? [] : [fs.fstatSync(open).ino]);
  let lines = found;
  for (const path of paths) {
    if (lines.length >= count) break;
    const file = openFile(path);
    if (file === undefined) continue;
    const { ino } = fs.fstatSync(file);
    if (!seen.has(ino)) lines = endOf(file, count - lines.length).lines.concat(lines);
    seen.add(ino);
    fs.closeSync(file);
  }
  return lines;
}

/** Reads on in a log that grows, is rotated or is emptied. The log need not exist yet. */
export class Follower {
  readonly #log: string;
  #file: number | undefined;
  #at = 0;

  /** The last whole lines at the start. */
  readonly first: string[];

  constructor(log: string, count: number) {
    this.#log = log;
    this.#file = openFile(log);
    if (this.#file !== undefined) this.#at = endOf(this.#file, 0).complete;
    const lines = this.#file === undefined ? [] : endOf(this.#file, count, this.#at).lines;
    this.first = withOlder(rotated(log), count, lines, this.#file);
  }

  /** The whole lines added since. */
  next(): string[] {
    const lines = this.#rest(false);
    const now = fs.statSync(this.#log, { throwIfNoEntry: false });
    if (now === undefined || !now.isFile()) return lines;
    if (this.#file !== undefined && fs.fstatSync(this.#file).ino === now.ino) return lines;
    // A moved file gets no more lines.
    lines.push(...this.#rest(true));
    this.close();
    this.#file = openFile(this.#log);
    return [...lines, ...this.#rest(false)];
  }

  close(): void {
    if (this.#file !== undefined) fs.closeSync(this.#file);
    this.#file = undefined;
    this.#at = 0;
  }

  #rest(last: boolean): string[] {
    if (this.#file === undefined) return [];
    const { size } = fs.fstatSync(this.#file);
    if (size < this.#at) this.#at = 0;
    const bytes = readAt(this.#file, this.#at, size - this.#at);
    const whole = last ? bytes : bytes.subarray(0, bytes.lastIndexOf(NEWLINE) + 1);
    this.#at += whole.byteLength;
    return linesIn(whole);
  }
}

function openFile(path: string): number | undefined {
  try {
    return fs.openSync(path, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

function readAt(file: number, from: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  let read = 0;
  for (let got = 1; read < length && got > 0; read += got)
    got = fs.readSync(file, bytes, read, length - read, from + read);
  return bytes.subarray(0, read);
}

function linesIn(bytes: Buffer): string[] {
  const lines = bytes.toString("utf8").split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines;
}
