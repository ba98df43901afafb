import { repoOf } from "../lib/git.ts";

/** The repository's name for a caller's folder; with `look`, the folder's `.git` may be read. */
export type FindRepo = (cwd: string, look: boolean) => Promise<string>;

const LOOK_MS = 500;
const MOST_WAITING = 16;

/**
 * Finds the repository of a folder that a caller named. A file system may never answer, and each call that hangs takes one
 * of few threads: only one folder is looked at at a time, and after 500 ms the name of the folder itself is taken.
 */
export function createFindRepo(find: FindRepo = repoOf): FindRepo {
  let last: Promise<unknown> = Promise.resolve();
  let waiting = 0;
  return (cwd, look) => {
    if (!look || waiting >= MOST_WAITING) return repoOf(cwd, false);
    waiting++;
    const found = last.then(() => find(cwd, true)).finally(() => waiting--);
    last = found.catch(() => {});
    return new Promise((resolve) => {
      const byName = () => resolve(repoOf(cwd, false));
      const late = setTimeout(byName, LOOK_MS);
      found.then(resolve, byName).finally(() => clearTimeout(late));
    });
  };
}
