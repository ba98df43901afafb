import { describe, expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { branchOf, repoOf } from "../../src/lib/git.ts";
import { startHere } from "../support/bus.ts";
import { tempFolder } from "../support/folder.ts";

const paths: [cwd: string, repo: string][] = [
  ["/home/me/proj", "proj"],
  ["/home/me/proj/", "proj"],
  ["/home/me/proj//", "proj"],
  ["/home/me/proj/.worktrees/feature", "proj"],
  ["/home/me/proj/.worktrees/feature/src/deep", "proj"],
  ["/home/me/proj/.worktrees/feature/.worktrees/nested", "proj"],
  ["/home/me/proj/.worktrees", "proj"],
  ["/home/me/proj/.worktrees/", "proj"],
  ["/home/me/proj/.worktrees.old", ".worktrees.old"],
  ["/home/me/my.worktrees/feature", "feature"],
  ["/.worktrees/feature", "unknown"],
  ["C:\\Users\\me\\proj", "proj"],
  ["C:\\Users\\me\\proj\\.worktrees\\feature", "proj"],
  ["/x/two\nlines\tand a tab", "two lines and a tab"],
  ["/x/日本 🦕", "日本 🦕"],
  ["/srv/proj.git", "proj"],
  ["/srv/proj.git/", "proj"],
  ["/x/proj/.git", "proj"],
  ["/x/proj/.bare", "proj"],
  ["C:\\x\\proj.git", "proj"],
  ["/x/proj.github", "proj.github"],
  ["/x/.github", ".github"],
  ["/x/proj.git.old", "proj.git.old"],
  ["/.git", "unknown"],
  ["proj", "proj"],
  ["/", "unknown"],
  ["", "unknown"],
  ["/x/..", ".."],
];

for (const [cwd, repo] of paths)
  test(`${JSON.stringify(cwd)} is the repository ${JSON.stringify(repo)}`, async () => {
    expect(await repoOf(cwd, false)).toBe(repo);
    expect(await repoOf(cwd, true)).toBe(repo);
  });

function git(folder: string, ...args: string[]): void {
  const author = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "protocol.file.allow=always"];
  const { success, stderr } = Bun.spawnSync(["git", "-C", folder, ...author, ...args], {
    env: { PATH: process.env.PATH ?? "", HOME: folder, GIT_CONFIG_NOSYSTEM: "1" },
    stderr: "pipe",
  });
  if (!success) throw new Error(`git ${args.join(" ")}: ${stderr.toString()}`);
}

function repository(folder: string): string {
  mkdirSync(folder, { recursive: true });
  git(folder, "init", "--quiet");
  git(folder, "commit", "--quiet", "--allow-empty", "--message=first");
  return folder;
}

const noGit = Bun.which("git") === null;
if (noGit) console.log("skipped: real repositories, no command git");

describe.skipIf(noGit)("with real repositories", () => {
  const place = tempFolder();
  const main = repository(join(place, "main-repo"));
  const inside = (folder: string) => {
    mkdirSync(join(folder, "src/deep"), { recursive: true });
    return join(folder, "src/deep");
  };

  test("a repository has its folder's name", async () => {
    expect(await repoOf(main, true)).toBe("main-repo");
  });

  test("every folder of a repository has the repository's name, as a package of a monorepo", async () => {
    expect(await repoOf(inside(main), true)).toBe("main-repo");
    expect(await repoOf(`${inside(main)}/`, true)).toBe("main-repo");
    expect(await repoOf(join(inside(main), "not", "there"), true)).toBe("main-repo");
    expect(await branchOf(inside(main))).toBe(await branchOf(main));
  });

  test("a folder of another machine is known by its path only, however deep it is", async () => {
    expect(await repoOf(inside(main), false)).toBe("deep");
  });

  test("an empty folder .git makes no repository", async () => {
    mkdirSync(join(place, "plain/.git"), { recursive: true });
    mkdirSync(join(place, "plain/sub"));
    expect(await repoOf(join(place, "plain/sub"), true)).toBe("sub");
    expect(await repoOf(join(place, "plain"), true)).toBe("plain");
    mkdirSync(join(main, "held/.git"), { recursive: true });
    expect(await repoOf(join(main, "held"), true)).toBe("main-repo");
  });

  test("a linked worktree has the main repository's name, and so has each folder in it", async () => {
    const linked = join(place, "elsewhere", "feature-x");
    git(main, "worktree", "add", "--quiet", linked);
    expect(await repoOf(linked, true)).toBe("main-repo");
    expect(await repoOf(`${linked}/`, true)).toBe("main-repo");
    expect(await repoOf(inside(linked), true)).toBe("main-repo");
  });

  test("a linked worktree of another machine is known by its path only", async () => {
    const linked = join(place, "other-machine");
    git(main, "worktree", "add", "--quiet", linked);
    expect(await repoOf(linked, false)).toBe("other-machine");
  });

  test("a worktree that was linked with a relative path has the main repository's name", async () => {
    const linked = join(place, "relative");
    git(main, "worktree", "add", "--quiet", linked);
    await Bun.write(join(linked, ".git"), "gitdir: ../main-repo/.git/worktrees/relative\r\n");
    expect(await repoOf(linked, true)).toBe("main-repo");
    await Bun.write(join(main, "inside", ".git"), "gitdir: ../.git/worktrees/inside\n");
    expect(await repoOf(join(main, "inside"), true)).toBe("main-repo");
  });

  for (const [bare, name] of [
    ["bare-proj.git", "bare-proj"],
    ["holder/.bare", "holder"],
  ] as const)
    test(`a worktree of the bare repository ${bare} has the name ${name}`, async () => {
      git(place, "clone", "--quiet", "--bare", main, join(place, bare));
      const linked = join(place, `of-${name}`);
      git(join(place, bare), "worktree", "add", "--quiet", linked);
      expect(await repoOf(linked, true)).toBe(name);
      expect(await repoOf(inside(linked), true)).toBe(name);
      expect(await repoOf(join(place, bare), true)).toBe(name);
      expect(await repoOf(join(place, bare), false)).toBe(name);
    });

  test("the folder that holds a bare repository and its worktrees has its own name", async () => {
    git(place, "clone", "--quiet", "--bare", main, join(place, "hub/.bare"));
    await Bun.write(join(place, "hub/.git"), "gitdir: ./.bare\n");
    expect(await repoOf(join(place, "hub"), true)).toBe("hub");
    git(join(place, "hub"), "worktree", "add", "--quiet", join(place, "hub/feature"));
    expect(await repoOf(inside(join(place, "hub/feature")), true)).toBe("hub");
  });

  test("a submodule has its folder's name, and its linked worktree has the submodule's", async () => {
    const outer = repository(join(place, "outer"));
    git(outer, "submodule", "--quiet", "add", main, "libs/the-lib");
    expect(await repoOf(join(outer, "libs/the-lib"), true)).toBe("the-lib");
    expect(await repoOf(inside(join(outer, "libs/the-lib")), true)).toBe("the-lib");
    expect(await repoOf(inside(outer), true)).toBe("outer");
    const linked = join(place, "lib-feature");
    git(join(outer, "libs/the-lib"), "worktree", "add", "--quiet", linked);
    expect(await repoOf(linked, true)).toBe("the-lib");
  });

  test("a repository inside a linked worktree is itself", async () => {
    const linked = join(place, "around");
    git(main, "worktree", "add", "--quiet", linked);
    expect(await repoOf(repository(join(linked, "own")), true)).toBe("own");
  });

  test("a main repository with a newline in its name still gives one line", async () => {
    const odd = repository(join(place, "odd\nname"));
    expect(await repoOf(odd, true)).toBe("odd name");
  });

  test("a .git file that is no such thing, and a folder that is not there, give the folder's name", async () => {
    const folder = join(place, "strange");
    await Bun.write(join(folder, ".git"), "what is this?");
    expect(await repoOf(folder, true)).toBe("strange");
    expect(await repoOf(join(place, "not/there"), true)).toBe("there");
  });

  test("the bus looks at the folder of a session of its own machine, and only then", async () => {
    const bus = await startHere();
    const linked = join(place, "seen-by-the-bus");
    git(main, "worktree", "add", "--quiet", linked);
    const here = await bus.call("register_session", { name: "a", cwd: linked });
    expect(here.repo).toBe("main-repo");
    const far = await bus.call("register_session", { name: "b", cwd: linked, machine: "far-away" });
    expect(far.repo).toBe("seen-by-the-bus");
  });
});
