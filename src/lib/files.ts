import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { basename, dirname, join } from "node:path";
import { namesIn } from "./permissions.ts";
import { exists } from "./process.ts";

/** A text, the bytes of another file, or a link. */
export type Content = string | { copyOf: string } | { linkTo: string };

/**
 * Replaces a file atomically, also in case of a power loss. With `sameTime` a copy keeps the modification time of its
 * source.
 */
export function replaceFile(path: string, content: Content, mode: number, sameTime = false): void {
  const made = besideOf(path, "new");
  fs.rmSync(made, { force: true });
  try {
    if (typeof content === "string") fs.writeFileSync(made, content, { mode });
    else if ("copyOf" in content)
      fs.cpSync(content.copyOf, made, { verbatimSymlinks: true, preserveTimestamps: sameTime });
    else fs.symlinkSync(content.linkTo, made);
    if (kindOf(made) === "file") {
      fs.chmodSync(made, mode);
      const open = fs.openSync(made, "r+");
      fs.fsyncSync(open);
      fs.closeSync(open);
    }
    fs.renameSync(made, path);
  } catch (error) {
    fs.rmSync(made, { force: true });
    throw error;
  }
}

/** A name of this process for a temporary file beside another one. */
function besideOf(path: string, end: string): string {
  return join(dirname(path), `.${basename(path)}.${process.pid}.${end}`);
}

/** Gives what stands at a path a second name beside it. A link is copied. */
export function linkAside(path: string, end: string): string {
  const aside = besideOf(path, end);
  fs.rmSync(aside, { force: true });
  if (kindOf(path) === "link") fs.symlinkSync(fs.readlinkSync(path), aside);
  else fs.linkSync(path, aside);
  return aside;
}

/** Temporary files beside a file whose process is gone. */
export function leftBeside(path: string): string[] {
  const start = `.${basename(path)}.`;
  const isLeft = (name: string) => {
    const pid = /^(\d+)\.(?:new|\d+)$/.exec(name.slice(start.length))?.[1];
    return name.startsWith(start) && pid !== undefined && !exists(Number(pid));
  };
  return namesIn(dirname(path))
    .filter(isLeft)
    .map((name) => join(dirname(path), name));
}

export function kindOf(path: string): "none" | "link" | "file" {
  const found = fs.lstatSync(path, { throwIfNoEntry: false });
  return found === undefined ? "none" : found.isSymbolicLink() ? "link" : "file";
}

/** A file's text. Undefined if there is no file. */
export function textOf(path: string): string | undefined {
  try {
    return fs.readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** SHA-256 of a file's bytes, of a link's target, or of nothing. */
export function digestOf(path: string): string {
  const kind = kindOf(path);
  if (kind === "none") return sha256(kind, [""]);
  return sha256(kind, kind === "link" ? [fs.readlinkSync(path)] : piecesOf(path));
}

/** The digest of a file with this content. */
export function digestOfContent(content: Content): string {
  if (typeof content === "string") return sha256("file", [content]);
  return "linkTo" in content ? sha256("link", [content.linkTo]) : digestOf(content.copyOf);
}

function sha256(kind: string, held: Iterable<string | Buffer>): string {
  const hash = createHash("sha256").update(kind);
  for (const piece of held) hash.update(piece);
  return hash.digest("hex");
}

/** Of a file that is read in pieces, because memory for a whole executable takes longer than to read it. */
const PIECE_BYTES = 1024 * 1024;

/** The bytes of a file. Each piece is valid until the next one is asked for. */
function* piecesOf(path: string): Generator<Buffer> {
  const file = fs.openSync(path, "r");
  const buffer = Buffer.allocUnsafe(PIECE_BYTES);
  try {
    for (let read = fs.readSync(file, buffer); read > 0; read = fs.readSync(file, buffer))
      yield buffer.subarray(0, read);
  } finally {
    fs.closeSync(file);
  }
}

/** True if the file holds that text, which must be shorter than a piece. */
export function holdsText(path: string, text: string): boolean {
  const words = Buffer.from(text);
  let end = Buffer.alloc(0);
  for (const piece of piecesOf(path)) {
    // The text may stand on both sides of a border.
    if (piece.includes(words) || Buffer.concat([end, piece.subarray(0, words.length)]).includes(words))
      return true;
    end = Buffer.from(Buffer.concat([end, piece.subarray(-words.length)]).subarray(-words.length));
  }
  return false;
}

export function modeOf(path: string): number {
  return (fs.statSync(path, { throwIfNoEntry: false })?.mode ?? 0o644) & 0o777;
}

/**
 * Checks that a file can be written, or a link replaced. `name` is the path that led there.
 * @throws Error with a sentence when that is impossible.
 */
export function expectWritable(path: string, name = path): void {
  const isLink = kindOf(path) === "link";
  // Such as /dev/null, the target of a unit that systemd has masked.
  if (!isLink && fs.statSync(path, { throwIfNoEntry: false })?.isFile() === false)
    throw new Error(`${name} leads to ${path}, which is not a file. Remove it, then run this again.`);
  for (const one of [...(isLink ? [] : [path]), nearest(dirname(path))]) {
    try {
      fs.accessSync(one, fs.constants.W_OK);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "ENOENT") continue;
      const why =
        code === "EROFS" ? "it is on a read-only file system" : "you do not have permission to write to it";
      throw new Error(`${one} cannot be changed: ${why}. Make it writable, then run this again.`);
    }
  }
}

/** The folder itself, or the first one above it that exists. */
function nearest(folder: string): string {
  return fs.existsSync(folder) || folder === dirname(folder) ? folder : nearest(dirname(folder));
}

/** True if both are files with the same bytes. */
export function sameBytes(one: string, other: string): boolean {
  const [first, second] = [one, other].map((path) => fs.statSync(path, { throwIfNoEntry: false }));
  if (!first?.isFile() || !second?.isFile() || first.size !== second.size) return false;
  if (first.ino === second.ino && first.dev === second.dev) return true;
  const others = piecesOf(other);
  try {
    for (const piece of piecesOf(one)) if (!others.next().value?.equals(piece)) return false;
    return true;
  } finally {
    others.return(undefined);
  }
}
