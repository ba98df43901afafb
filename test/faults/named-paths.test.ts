import { describe, expect, test } from "bun:test";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { repoOf } from "../../src/lib/git.ts";
import { createFindRepo } from "../../src/serve/find_repo.ts";
import { startBus, startHere } from "../support/bus.ts";
import { bearer, tokenFor } from "../support/callers.ts";
import { tempFolder } from "../support/folder.ts";
import { end, health } from "../support/process.ts";
import { receiver } from "../support/receiver.ts";
import { rpcTool } from "../support/rpc.ts";
import { eventually, hook } from "../support/webhook.ts";

/** What may stand in the place of a `.git` file, made in a folder. */
const ODD: [what: string, make: (dotGit: string) => void][] = [
  ["a pipe", pipe],
  ["a link to a pipe", (dotGit) => linkTo(dotGit, pipe)],
  ["a link to an endless device", (dotGit) => symlinkSync("/dev/zero", dotGit)],
  ["a link to a terminal", (dotGit) => symlinkSync("/dev/tty", dotGit)],
  ["a link to itself", (dotGit) => symlinkSync(dotGit, dotGit)],
  ["a link to a file that waits to be read", (dotGit) => symlinkSync("/proc/kmsg", dotGit)],
  ["a large file", (dotGit) => writeFileSync(dotGit, `gitdir: /x/.git/worktrees/y\n${"#".repeat(4_096)}`)],
  ["a folder whose HEAD is a pipe", folderWithPipe],
];

function pipe(path: string): void {
  if (!Bun.spawnSync(["mkfifo", path]).success) throw new Error("mkfifo made no pipe");
}

function linkTo(path: string, make: (path: string) => void): void {
  make(`${path}-target`);
  symlinkSync(`${path}-target`, path);
}

function folderWithPipe(path: string): void {
  mkdirSync(path);
  pipe(join(path, "HEAD"));
}

/** A folder with that name whose `.git` was made so. */
function folderWith(make: (dotGit: string) => void): string {
  const folder = join(tempFolder(), "odd");
  mkdirSync(folder);
  make(join(folder, ".git"));
  return folder;
}

describe.skipIf(process.platform === "win32")("a folder that a caller names", () => {
  test.each(ODD)("has its own name, and the bus goes on and stops, when its .git is %s", async (_, make) => {
    const cwd = folderWith(make);
    const bus = await startBus("binary");
    const good = receiver();
    await hook(bus, good.url().replace("127.0.0.1", "localhost"));
    const calls = Array.from({ length: 8 }, (_, i) =>
      bus.call("register_session", { name: `n${i}`, cwd, client_id: `c${i}` }),
    );
    expect((await Promise.all(calls)).map(({ repo }) => repo)).toEqual(Array(8).fill("odd"));
    await bus.call("publish_event", { event_type: "after", payload: "p" });
    await eventually("a webhook by a host name arrives", () => good.at("/").length > 0, 20_000);
    await eventually("the log is written", () => Bun.file(join(bus.folder, "bus.log")).size > 0);
    expect(await health(bus)).toMatchObject({ code: 200 });
    good.stop();
    const { code, ms } = await end(bus);
    expect(code).toBe(0);
    expect(ms).toBeLessThan(12_000);
  });

  test("is not looked at when a remote caller names it as the bus's own machine's", async () => {
    const bus = await startHere();
    const cwd = join(tempFolder(), "linked");
    mkdirSync(cwd);
    writeFileSync(join(cwd, ".git"), "gitdir: /somewhere/main/.git/worktrees/linked\n");
    const repoFor = async (headers: Record<string, string>) =>
      (await rpcTool(bus.url, "register_session", { name: "n", cwd }, headers)).message.result
        .structuredContent.repo;
    expect(await repoFor({})).toBe("main");
    expect(await repoFor(bearer(tokenFor(bus.db, "laptop")))).toBe("linked");
  });

  test("on a file system that never answers has its own name, and holds no second one's thread", async () => {
    let looks = 0;
    const find = createFindRepo(() => {
      looks++;
      return new Promise(() => {});
    });
    const names = Array.from({ length: 40 }, (_, i) => find(`/hung/folder-${i}`, true));
    expect(await Promise.all(names)).toEqual(Array.from({ length: 40 }, (_, i) => `folder-${i}`));
    expect(looks).toBe(1);
  });

  test("is looked at after another one whose look failed or ended", async () => {
    const find = createFindRepo(async (cwd) => {
      if (cwd === "/fails") throw new Error("no such thing");
      return `looked at ${cwd}`;
    });
    expect(await find("/fails", true)).toBe("fails");
    for (let i = 0; i < 40; i++) expect(await find("/x", true)).toBe("looked at /x");
    expect(await Promise.all([find("/a", true), find("/b", true)])).toEqual(["looked at /a", "looked at /b"]);
  });
});

test.skipIf(process.platform === "win32")("a command's own folder may have a pipe for .git too", async () => {
  expect(await repoOf(folderWith(pipe), true)).toBe("odd");
});

test.skipIf(process.platform === "win32")(
  "a bus whose log is never written any more still stops within its deadline",
  async () => {
    const folder = tempFolder();
    const bus = await startHere({
      folder,
      log: {
        ...{ info() {}, warn() {}, error() {}, failure() {}, call() {} },
        flush: () => new Promise(() => {}),
      },
    });
    await bus.call("publish_event", { event_type: "t", payload: "p" });
    const began = performance.now();
    await bus.stop();
    expect(performance.now() - began).toBeLessThan(12_000);
  },
);
