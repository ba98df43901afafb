/** A path as a user writes it, with `~` for the home folder. */
export function tilde(path: string): string {
  const home = process.getBuiltinModule("node:os").homedir();
  return path.startsWith(`${home}/`) ? `~${path.slice(home.length)}` : path;
}
