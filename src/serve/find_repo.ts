import { repoOf } from "../lib/git.ts";

/** Name of the repository of a caller's folder. Reads the folder's `.git` only if `look` is set. */
export type FindRepo = (cwd: string, look: boolean) => Promise<string>;

const LOOK_MS = 500;
const MOST_WAITING = 16;

/**
 * Reads one folder at a time, because a file system may never answer and a call that hangs takes one of few threads. After
 * 500 ms the answer is the name of the folder itself.
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
