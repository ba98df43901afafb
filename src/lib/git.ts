import { branchIn } from "./branch.ts";

const ABSOLUTE = process.platform === "win32" ? /^([\\/]|[A-Za-z]:)/ : /^\//;

/**
 * Name of a folder's repository (WIRE.md 2). With `look`, a linked git worktree is recognised by its `.git` file, here or in
 * a folder above. Without, only the path counts, because the folder is on another machine.
 */
export async function repoOf(cwd: string, look: boolean): Promise<string> {
  const path = cwd.replaceAll("\\", "/");
  const beforeWorktrees = path.split(/\/\.worktrees(?:\/|$)/)[0] ?? path;
  if (beforeWorktrees !== path) return clean(lastComponent(beforeWorktrees));
  return clean((look && ABSOLUTE.test(cwd) ? await mainRepository(cwd) : null) ?? lastComponent(path));
}

function lastComponent(path: string): string {
  return path.replace(/\/+$/, "").split("/").at(-1) ?? "";
}

function clean(name: string): string {
  return name.replace(/[\n\t\r]/g, " ") || "unknown";
}

/** Limit for a `.git` file and a HEAD, which are one short line. */
const MOST_BYTES = 4096;

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

/** Git folder of a folder's work tree. Null outside a work tree. */
async function gitFolderOf(cwd: string): Promise<string | null> {
  const { dirname, join, resolve } = await import("node:path");
  for (let folder = resolve(cwd), depth = 0; depth < 64; folder = dirname(folder), depth++) {
    const dotGit = join(folder, ".git");
    const link = await smallText(dotGit).catch(() => null);
    if (link !== null) {
      // A linked worktree has a file in its place: `gitdir: <main>/.git/worktrees/<name>`.
      const gitdir = /^gitdir: (.+)$/m.exec(link)?.[1]?.trim();
      return gitdir === undefined ? dotGit : resolve(folder, gitdir);
    }
    if (dirname(folder) === folder) return null;
  }
  return null;
}

async function mainRepository(cwd: string): Promise<string | null> {
  const main = /^(.+)[\\/]worktrees[\\/][^\\/]+$/.exec((await gitFolderOf(cwd)) ?? "")?.[1];
  if (main === undefined) return null;
  // `/x/proj/.git`, `/x/proj/.bare` and `/x/proj.git` are all the repository `proj`.
  const [parent = "", name = ""] = main.split(/[\\/]/).slice(-2);
  return name.startsWith(".") ? parent : name.replace(/\.git$/, "");
}

/** Checked-out branch of a folder's repository. Null outside a repository, or without a branch. */
export async function branchOf(cwd: string): Promise<string | null> {
  const gitFolder = await gitFolderOf(cwd);
  if (gitFolder === null) return null;
  const head = await smallText(`${gitFolder}/HEAD`).catch(() => null);
  return branchIn(head ?? "");
}
