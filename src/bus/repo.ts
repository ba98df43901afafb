const ABSOLUTE = process.platform === "win32" ? /^([\\/]|[A-Za-z]:)/ : /^\//;

/**
 * The repository's name for a folder (WIRE.md 2). With `look`, a linked git worktree is recognised by its
 * `.git` file, here or in a folder above; without, only the path itself speaks (it is another machine's).
 */
export async function repoOf(cwd: string, look: boolean): Promise<string> {
  const path = cwd.replaceAll("\\", "/");
  const beforeWorktrees = path.split("/.worktrees/")[0] ?? path;
  if (beforeWorktrees !== path) return clean(lastComponent(beforeWorktrees));
  return clean((look && ABSOLUTE.test(cwd) ? await mainRepository(cwd) : null) ?? lastComponent(path));
}

function lastComponent(path: string): string {
  return path.replace(/\/+$/, "").split("/").at(-1) ?? "";
}

function clean(name: string): string {
  return name.replace(/[\n\t\r]/g, " ") || "unknown";
}

// A linked worktree's `.git` is a file: `gitdir: <main>/.git/worktrees/<name>`.
async function mainRepository(cwd: string): Promise<string | null> {
  // Most commands need no file, and loading these takes a tenth of their time.
  const { readFile } = await import("node:fs/promises");
  const { dirname, join, resolve } = await import("node:path");
  for (let folder = resolve(cwd), depth = 0; depth < 64; folder = dirname(folder), depth++) {
    const text = await readFile(join(folder, ".git"), "utf8").catch((error) =>
      error.code === "EISDIR" ? "" : null,
    );
    if (text !== null) {
      const gitdir = /^gitdir: (.+)$/m.exec(text)?.[1]?.trim();
      const main =
        gitdir === undefined
          ? undefined
          : /^(.+)[\\/]worktrees[\\/][^\\/]+$/.exec(resolve(folder, gitdir))?.[1];
      return main === undefined ? null : repositoryName(main);
    }
    if (dirname(folder) === folder) return null;
  }
  return null;
}

// `/x/proj/.git`, `/x/proj/.bare` and `/x/proj.git` are all the repository `proj`.
function repositoryName(gitFolder: string): string {
  const [parent = "", name = ""] = gitFolder.split(/[\\/]/).slice(-2);
  return name.startsWith(".") ? parent : name.replace(/\.git$/, "");
}
