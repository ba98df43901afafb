/**
 * Name of the repository that lies in a folder, by the folder's path alone (WIRE.md 2). `/x/proj`, `/x/proj.git`,
 * `/x/proj/.git`, `/x/proj/.bare` and `/x/proj/.worktrees/feature` are all the repository `proj`.
 */
export function repoName(folder: string): string {
  const [before = ""] = folder.replaceAll("\\", "/").split(/\/\.worktrees(?:\/|$)/);
  const parts = before.replace(/\/+$/, "").split("/");
  if (/^\.(git|bare)$/.test(parts.at(-1) ?? "")) parts.pop();
  const name = (parts.at(-1) ?? "").replace(/(?<=.)\.git$/, "");
  return name.replace(/[\n\t\r]/g, " ") || "unknown";
}
