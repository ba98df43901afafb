import { branchIn } from "./branch.ts";
import { repoName } from "./repo_name.ts";

const ABSOLUTE = process.platform === "win32" ? /^([\\/]|[A-Za-z]:)/ : /^\//;

/**
 * Name of the repository that a folder belongs to (WIRE.md 2). With `look`, the folder and those above it are searched for a
 * work tree, and a linked one has the name of the main repository. Without, only the path counts, because the folder is on
 * another machine.
 */
export async function repoOf(cwd: string, look: boolean): Promise<string> {
  const isLinkedHere = /[\\/]\.worktrees([\\/]|$)/.test(cwd);
  const tree = look && !isLinkedHere && ABSOLUTE.test(cwd) ? await workTreeOf(cwd) : null;
  return tree === null ? repoName(cwd) : (mainRepository(tree.git) ?? repoName(tree.folder));
}

/** Limit for a `.git` file and a HEAD, which are one short line. */
const MOST_BYTES = 4096;

/** Like `smallText`, and null too if the path does not exist or cannot be read. */
function textOf(path: string): Promise<string | null> {
  return smallText(path).catch(() => null);
}

/**
 * Text of a small regular file, "folder" for a folder, or null for anything else. A pipe or a device is never opened, because
 * that may block or have an effect. @throws Error when the path does not exist.
 */
async function smallText(path: string): Promise<string | null> {
  // Most commands need no file, and loading this module takes a tenth of their time.
  const { constants, open, stat } = await import("node:fs/promises");
  const found = await stat(path);
  if (found.isDirectory()) return "folder";
  if (!found.isFile() || found.size > MOST_BYTES) return null;
  // A pipe may have replaced the file. Without O_NONBLOCK, opening it waits for a writer.
  const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    if (!(await file.stat()).isFile()) return null;
    const { buffer, bytesRead } = await file.read(Buffer.alloc(MOST_BYTES), 0, MOST_BYTES, 0);
    return buffer.toString("utf8", 0, bytesRead);
  } finally {
    await file.close();
  }
}

interface WorkTree {
  folder: string;
  /** Its git folder. */
  git: string;
}

/** The work tree that a folder lies in. Null outside of one. */
async function workTreeOf(cwd: string): Promise<WorkTree | null> {
  const { dirname, join, resolve } = await import("node:path");
  for (let folder = resolve(cwd), depth = 0; depth < 64; folder = dirname(folder), depth++) {
    const git = join(folder, ".git");
    const link = await textOf(git);
    // A linked worktree or a submodule has a file in its place: `gitdir: <main>/.git/worktrees/<name>`.
    const gitdir = /^gitdir: (.+)$/m.exec(link ?? "")?.[1]?.trim();
    if (gitdir !== undefined) return { folder, git: resolve(folder, gitdir) };
    if (link === "folder" && (await textOf(join(git, "HEAD"))) !== null) return { folder, git };
    if (dirname(folder) === folder) return null;
  }
  return null;
}

/** Name of the repository that a linked worktree's git folder belongs to. Null for any other git folder. */
function mainRepository(git: string): string | null {
  const main = /^(.+)[\\/]worktrees[\\/][^\\/]+$/.exec(git)?.[1];
  if (main === undefined) return null;
  return repoName(main.replace(/[\\/]\.[^\\/]+$/, ""));
}

/** Checked-out branch of a folder's repository. Null outside a repository, or without a branch. */
export async function branchOf(cwd: string): Promise<string | null> {
  const tree = await workTreeOf(cwd);
  const head = tree === null ? null : await textOf(`${tree.git}/HEAD`);
  return branchIn(head ?? "");
}
