import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { basename, dirname, join } from "node:path";
import { realOf } from "../lib/permissions.ts";
import { exists } from "../lib/process.ts";

/** What a file is to hold: a text, what another file holds, or nothing but the way to another. */
export type Content = string | { copyOf: string } | { linkTo: string };

/**
 * Replaces a file, so that whoever opens it finds the old or the new one whole, also after a loss of power. `sameTime`: a copy
 * keeps the time of what it is a copy of.
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

/** A name of this process for something that stands beside a file for a moment. */
export function besideOf(path: string, end: string): string {
  return join(dirname(path), `.${basename(path)}.${process.pid}.${end}`);
}

/** What an installer that was killed has left beside a file. */
export function leftBeside(path: string): string[] {
  const folder = dirname(path);
  const start = `.${basename(path)}.`;
  const names = fs.existsSync(folder) ? fs.readdirSync(folder) : [];
  const isLeft = (name: string) => {
    const pid = name.startsWith(start)
      ? /^(\d+)\.(?:new|\d+)$/.exec(name.slice(start.length))?.[1]
      : undefined;
    return pid !== undefined && !exists(Number(pid));
  };
  return names.filter(isLeft).map((name) => join(folder, name));
}

export function kindOf(path: string): "none" | "link" | "file" {
  const found = fs.lstatSync(path, { throwIfNoEntry: false });
  return found === undefined ? "none" : found.isSymbolicLink() ? "link" : "file";
}

/** The text of a file; undefined when there is none. */
export function textOf(path: string): string | undefined {
  try {
    return fs.readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** SHA-256 of what a file holds, or of where a link leads; of nothing when there is none. */
export function digestOf(path: string): string {
  const kind = kindOf(path);
  const held = kind === "none" ? "" : kind === "link" ? fs.readlinkSync(path) : fs.readFileSync(path);
  return sha256(kind, held);
}

/** The digest of a file that holds this. */
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

/** Where a text goes that is written to a path: a link stays, also one whose target is not there yet. */
export function targetOf(path: string): string {
  return realOf(path);
}

/** Throws Error with a sentence when a file cannot be written there, or the link that stands there not be replaced; `name` is what led there. */
export function writable(path: string, name = path): void {
  // Such as /dev/null, where systemd's `mask` leads to.
  if (kindOf(path) !== "link" && fs.statSync(path, { throwIfNoEntry: false })?.isFile() === false)
    throw new Error(`${name} leads to ${path}, which is no file. Remove it, then run this again.`);
  for (const one of [...(kindOf(path) === "link" ? [] : [path]), nearest(dirname(path))]) {
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

function nearest(folder: string): string {
  return fs.existsSync(folder) || folder === dirname(folder) ? folder : nearest(dirname(folder));
}
