import { expect, test } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { report, summarize } from "../../build/summary.ts";
import { LONG, runsOf } from "../../build/test.ts";
import { root } from "../support/bus.ts";
import { tempFolder } from "../support/folder.ts";

const RUN = `test/a.test.ts:
skipped: the first, no jq
(pass) one [1.00ms]
(skip) two
(fail) three > four [12.34ms]
test/b.test.ts:
(skip) five
(todo) six
✗ test/c.test.ts (worker crashed: SIGKILL)
 12 pass
 1 skip
 2 todo
 3 fail
 1 error
 40 expect() calls
Ran 18 tests across 2 files. [7.00ms]
`;

test("the counts of a run, the names of what failed, and why what was skipped", () => {
  expect(summarize(RUN, 1, "all")).toEqual({
    ...{ passed: 12, failed: 3, skipped: 3 },
    failures: ["test/a.test.ts: three > four", "test/c.test.ts: worker crashed: SIGKILL"],
    skips: ["test/a.test.ts: the first, no jq", "test/b.test.ts: 2 tests, no reason told"],
  });
});

test("what a test prints is not taken for the summary, which comes last", () => {
  expect(summarize(` 99 pass\n 98 fail\n${RUN}`, 1, "all")).toMatchObject({
    passed: 12,
    failed: 3,
    skipped: 3,
  });
});

test("what Bun repeats at the end of a long run is not counted again", () => {
  const repeated =
    "\n1 tests skipped:\n(skip) two\n\n1 tests failed:\n(fail) three > four [12.34ms]\n\n 1 fail\n";
  const { failures } = summarize(`test/a.test.ts:\n(fail) three > four [12.34ms]\n${repeated}`, 1, "all");
  expect(failures).toEqual(["test/a.test.ts: three > four"]);
});

test.each([
  [" 2 pass\n 0 fail\n 1 error\n", 1, 2],
  ["panic: Segmentation fault\n", 132, 0],
  ["a test ended the process\n", 0, 0],
])(
  "a run that ends badly without a failed test, or without any summary, is one failure: %j",
  (output, exitCode, passed) => {
    const summary = summarize(output, exitCode, "all");
    expect(summary).toMatchObject({ passed, failed: 1, skipped: 0 });
    expect(summary.failures).toEqual([`all: ended with ${exitCode}, although no test failed`]);
  },
);

test("a report ends with what was not tested, what failed, and the counts", () => {
  const none = { failures: [], skips: [] };
  expect(report({ passed: 2, failed: 0, skipped: 0, ...none })).toBe("\n2 passed, 0 failed");
  expect(report({ ...{ passed: 2, failed: 1, skipped: 4 }, failures: ["f: t"], skips: ["g: no jq"] })).toBe(
    "\nNot tested:\n  g: no jq\n\nFailed:\n  f: t\n\n2 passed, 1 failed, 4 skipped",
  );
});

test("everyday leaves out the long files, each of which runs once among the rest; a part is what it says", () => {
  const files = (...args: string[]) =>
    runsOf(args)
      .filter(({ env }) => env === undefined)
      .map((run) => run.args.join(" "));
  const [everyday = "", ...more] = files();
  expect(everyday.split(" ")).toEqual([
    "--parallel=6",
    ...LONG.map((file) => `--path-ignore-patterns=${file}`),
  ]);
  expect(more).toEqual([]);
  const long = files("--long");
  expect(long.flatMap((run) => run.replace(/--parallel=\d /, "").split(" ")).sort()).toEqual(
    [...LONG].sort(),
  );
  expect(files("--all")).toEqual([everyday, ...long]);
  const again = runsOf(["--long"]).filter(({ env }) => env !== undefined);
  expect(again.map(({ env }) => env)).toEqual([
    { AEB_TEST_ENGINE: "postgres" },
    { AEB_TEST_ENGINE: "postgres" },
  ]);
  const paths = again.flatMap(({ args }) => args.filter((arg) => !arg.startsWith("--")));
  expect(paths.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  for (const { args } of again) expect(namelessIn(args)).toEqual([]);
  expect(files("test/store", "test/bus")).toEqual(["test/store test/bus"]);
  // One that is not there would run every day under its new name.
  expect(LONG.filter((file) => !existsSync(join(root, file)))).toEqual([]);
});

/** The parts of a run's pattern that no test of its files has in its name. */
function namelessIn(args: readonly string[]): string[] {
  const pattern = args.find((arg) => arg.startsWith("--test-name-pattern="))?.split("=")[1] ?? "";
  if (pattern === "") return [];
  const texts = args
    .filter((arg) => !arg.startsWith("--"))
    .map((file) => readFileSync(join(root, file), "utf8"));
  return pattern.split("|").filter((part) => !texts.some((text) => text.includes(part)));
}

const PASSES = 'import { test } from "bun:test"; test("passes", () => {});';
const FILES = {
  "a.test.ts": PASSES,
  "b.test.ts": `${PASSES} console.log("skipped: the rest, no jq");
    test("fails", () => { throw new Error("the reason"); }); test.skip("is left out", () => {});`,
  "alone.test.ts": PASSES,
  "crash.test.ts": `${PASSES} test("crashes", () => process.kill(process.pid, "SIGKILL"));`,
  "hook.test.ts": `${PASSES} import { beforeAll } from "bun:test"; beforeAll(() => { throw new Error("early"); });`,
};

test.each<[runs: string[][], end: string[]]>([
  [
    [["--parallel=3", "a.test", "b.test"], ["alone.test"]],
    ["  b.test.ts: the rest, no jq", "  b.test.ts: fails", "3 passed, 1 failed, 1 skipped"],
  ],
  [
    [["--parallel=3", "a.test", "alone.test"], ["crash.test"]],
    ["  crash.test: ended with 137, although no test failed", "2 passed, 1 failed"],
  ],
  [[["nothing has this name"], ["alone.test"]], ["1 passed, 1 failed"]],
  [[["hook.test"]], ["  hook.test.ts: beforeAll or afterAll", "0 passed, 1 failed"]],
])(
  "the counts of the runs %j are added, each with its time, and the end says what went wrong",
  (runs, end) => {
    const folder = tempFolder();
    for (const [name, text] of Object.entries(FILES)) writeFileSync(join(folder, name), text);
    const named = runs.map((args) => ({ name: args.join(" "), args }));
    const script = `import { runTests } from ${JSON.stringify(join(root, "build/test.ts"))};
    import { report } from ${JSON.stringify(join(root, "build/summary.ts"))};
    console.log(report(await runTests(${JSON.stringify(named)}, ${JSON.stringify(folder)})));`;
    const { stdout } = Bun.spawnSync([process.execPath, "-e", script], { stderr: "pipe" });
    const lines = stdout.toString().trimEnd().split("\n");
    expect(lines).toEqual(expect.arrayContaining(end));
    expect(lines.at(-1)).toBe(end.at(-1) ?? "");
    for (const { name } of named)
      expect(lines.filter((line) => line.endsWith(` s  ${name}`))).toHaveLength(1);
    if (runs.flat().includes("b.test")) expect(stdout.toString()).toContain("the reason");
  },
);

test("a run that waits goes on beside the next one, counts like any other, and its output stays in one piece", () => {
  const folder = tempFolder();
  const line = (name: string) => `console.log("${name} of " + process.argv.length);`;
  const started = join(folder, "started");
  const waits = `${line("first")} const { existsSync } = require("node:fs");
    test("waits", async () => { while (!existsSync(${JSON.stringify(started)})) await Bun.sleep(10); ${line("last")} });`;
  const fails = `test("fails", async () => { await Bun.write(${JSON.stringify(started)}, ""); throw new Error("no"); });`;
  for (const [name, text] of Object.entries({ waits, fails }))
    writeFileSync(join(folder, `${name}.test.ts`), `import { test } from "bun:test"; ${text}`);
  const runs = [
    { name: "one", args: ["waits.test"], waits: true },
    { name: "two", args: ["fails.test"] },
  ];
  const script = `import { runTests } from ${JSON.stringify(join(root, "build/test.ts"))};
    import { report } from ${JSON.stringify(join(root, "build/summary.ts"))};
    console.log(report(await runTests(${JSON.stringify(runs)}, ${JSON.stringify(folder)})));`;
  const { stdout } = Bun.spawnSync([process.execPath, "-e", script], { stderr: "pipe" });
  const text = stdout.toString();
  expect(text.trimEnd()).toEndWith("Failed:\n  fails.test.ts: fails\n\n1 passed, 1 failed");
  expect(text.indexOf("fails.test.ts:")).toBeLessThan(text.indexOf("waits.test.ts:"));
  expect(text).toMatch(/first of \d+\n(?:.*last of \d+\n)/);
  for (const { name } of runs)
    expect(text.split("\n").filter((one) => one.endsWith(` s  ${name}`))).toHaveLength(1);
});
