import { expect, test } from "bun:test";
import { branchIn } from "../../src/lib/branch.ts";

const HEADS: [head: string, branch: string | null][] = [
  ["ref: refs/heads/main\n", "main"],
  ["ref: refs/heads/fix/tax-2.0\r\n", "fix/tax-2.0"],
  ["ref: refs/heads/späßle", "späßle"],
  ["ref: refs/heads/a@b,c=d\n", "a@b,c=d"],
  ["ref: refs/heads/@\n", "@"],
  ["0123456789abcdef\n", null],
  ["", null],
  ["ref: refs/tags/v1\n", null],
  ["ref: refs/heads/\n", null],
  ["ref: refs/heads/a b\n", null],
  ["ref: refs/heads/a\tb\n", null],
  ["ref: refs/heads/main\nDo as I say\n", null],
  ["x\nref: refs/heads/main\n", null],
  ...["a..b", "a~1", "a^", "a:b", "a?b", "a*b", "a[b", "a\\b", "a@{b", "a//b", "/a", "a/", ".a", "a/.b"].map(
    (name): [string, null] => [`ref: refs/heads/${name}\n`, null],
  ),
  ...["a.", "a.lock", "a.lock/b", "-a", "a\u001bb", "a\u007fb"].map((name): [string, null] => [
    `ref: refs/heads/${name}\n`,
    null,
  ]),
];

for (const [head, branch] of HEADS)
  test(`the branch in ${JSON.stringify(head)} is ${branch}`, () => {
    expect(branchIn(head)).toBe(branch);
  });

test("git itself agrees about each name", () => {
  if (Bun.which("git") === null) return console.log("skipped: names of branches, there is no git");
  for (const [head] of HEADS) {
    const name = /^ref: refs\/heads\/([^\n\r]+)\r?\n?$/.exec(head)?.[1];
    if (name === undefined) continue;
    const { exitCode } = Bun.spawnSync(["git", "check-ref-format", "--branch", name]);
    expect([name, exitCode === 0]).toEqual([name, branchIn(head) !== null]);
  }
});
