import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { digestOf } from "../../src/lib/files.ts";

const OLD = new Date("2020-01-02T03:04:05Z");

/** Writes a file that has long been there, and its folders; returns its path. */
export function put(path: string, text: string, mode = 0o644): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  chmodSync(path, mode);
  utimesSync(path, OLD, OLD);
  return path;
}

/** Every file, link and folder under a folder: mode, and of files the time and what they hold. Folders named `except` and the sockets of buses are left out. */
export function treeOf(folder: string, except: readonly string[] = []): Record<string, string> {
  const tree: Record<string, string> = {};
  const visit = (path: string, name: string) => {
    if (except.includes(name)) return;
    const found = lstatSync(path);
    const mode = (found.mode & 0o777).toString(8);
    if (found.isSymbolicLink()) tree[name] = `→ ${readlinkSync(path)}`;
    else if (found.isFile()) tree[name] = `${mode} ${found.mtime.toISOString()} ${heldBy(path, found.size)}`;
    else if (!found.isSocket()) {
      tree[`${name}/`] = mode;
      for (const one of readdirSync(path).sort())
        visit(join(path, one), name === "" ? one : `${name}/${one}`);
    }
  };
  visit(folder, "");
  return tree;
}

const SHORT_BYTES = 4096;

function heldBy(path: string, size: number): string {
  return size > SHORT_BYTES ? digestOf(path) : JSON.stringify(readFileSync(path, "utf8"));
}
