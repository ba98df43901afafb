import { expect, test } from "bun:test";
import {
  copyFileSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { binary } from "../support/binary.ts";
import { machine, ran } from "../support/installed.ts";
import { treeOf } from "../support/tree.ts";

const PARTS = ["--yes", "--no-service", "--no-mcp"];

/** A machine on which a person has linked the command to an executable that they keep elsewhere. */
async function linkedByHand() {
  const it = await machine();
  const own = join(it.home, "apps/agent-event-bus");
  for (const folder of [dirname(own), dirname(it.program)]) mkdirSync(folder, { recursive: true });
  try {
    linkSync(binary, own);
  } catch {
    copyFileSync(binary, own);
  }
  symlinkSync(own, it.program);
  return { ...it, own };
}

test("the executable takes the place of a person's link to one, and an uninstall gives the link back", async () => {
  const { home, program, own, run } = await linkedByHand();
  const before = treeOf(home);
  expect((await run("install", "server", ...PARTS)).steps.binary).toBe("done");
  expect(lstatSync(program).isFile()).toBe(true);
  expect((await run("install", "server", ...PARTS)).steps.binary).toBe("unchanged");
  expect((await run("uninstall", "--yes")).code).toBe(0);
  expect(readlinkSync(program)).toBe(own);
  expect(treeOf(home, [".claude"])).toEqual(before);
});

test("an uninstall leaves a person's link, and what it leads to", async () => {
  const { home, run } = await linkedByHand();
  const before = treeOf(home);
  expect((await run("uninstall", "--yes")).steps.binary).toBe("unchanged");
  expect(treeOf(home)).toEqual(before);
});

test("the link with the original's name goes, also when the ledger is gone", async () => {
  const { home, data, program, run } = await machine();
  await run("install", "server", ...PARTS);
  rmSync(join(data, "install.json"));
  expect((await run("uninstall", "--yes")).code).toBe(0);
  expect(existsSync(dirname(program)) && Object.keys(treeOf(dirname(program)))).toEqual(["/"]);
  expect(Object.keys(treeOf(home, [".claude", ".local"]))).toEqual(["/"]);
});

test("two installers at once: what was there before is known, and comes back", async () => {
  const { home, run } = await machine();
  const settings = join(home, ".claude/settings.json");
  mkdirSync(dirname(settings));
  writeFileSync(settings, '{"theirs":1}');
  const both = await Promise.all([1, 2].map(() => run("install", "server", ...PARTS)));
  expect(both.map(({ code }) => code)).toContain(0);
  for (const { code, stderr } of both) if (code !== 0) expect(stderr).toContain("Another installer ");
  expect((await run("uninstall", "--yes")).code).toBe(0);
  expect(readFileSync(settings, "utf8")).toBe('{"theirs":1}');
  expect(Object.keys(treeOf(home, [".claude/contrib"]))).toEqual(["/", ".claude/", ".claude/settings.json"]);
});

test("hooks in the CLAUDE_CONFIG_DIR of then go, also when it is another one now", async () => {
  const { home, env, program } = await machine();
  const run = (config: string | undefined, ...args: string[]) =>
    ran([binary, ...args], {
      ...env,
      ...(config !== undefined && { CLAUDE_CONFIG_DIR: join(home, config) }),
    });
  for (const config of ["work", undefined]) await run(config, "install", "server", ...PARTS);
  for (const folder of ["work", ".claude"])
    expect(readFileSync(join(home, folder, "settings.json"), "utf8")).toContain(program);
  expect((await run("third", "uninstall", "--yes")).code).toBe(0);
  expect(Object.keys(treeOf(home, [".claude/contrib"]))).toEqual(["/", ".claude/"]);
});

test("a HOME that is a link: each file is one, whichever way leads to it", async () => {
  const { home, env } = await machine();
  symlinkSync(home, `${home}-link`);
  const run = (...args: string[]) => ran([binary, ...args], { ...env, HOME: `${home}-link` });
  await run("install", "server", ...PARTS);
  expect((await run("install", "server", ...PARTS)).steps).toMatchObject({
    binary: "unchanged",
    hooks: "unchanged",
  });
  expect((await run("uninstall", "--yes")).stdout.match(/^\w+ +hooks /gm)).toHaveLength(1);
  expect(Object.keys(treeOf(home, [".claude/contrib"]))).toEqual(["/", ".claude/"]);
});
