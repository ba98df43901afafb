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
  const held = kind === "none" ? "" : kind === "link" ? fs.readlinkSync(path) : fs.readFileSync(path);
  return sha256(kind, held);
}

/** The digest of a file with this content. */
export function digestOfContent(content: Content): string {
  if (typeof content === "string") return sha256("file", content);
  return "linkTo" in content ? sha256("link", content.linkTo) : digestOf(content.copyOf);
}

function sha256(kind: string, held: string | Buffer): string {
  return createHash("sha256").update(kind).update(held).digest("hex");
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
    throw new Error(`${name} leads to ${path}, which is no file. Remove it, then run this again.`);
  for (const one of [...(isLink ? [] : [path]), nearest(dirname(path))]) {
    try {
      fs.accessSync(one, fs.constants.W_OK);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "ENOENT") continue;
      const why = code === "EROFS" ? "it is on a read-only file system" : "this user may not write it";
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
  return fs.readFileSync(one).equals(fs.readFileSync(other));
}
