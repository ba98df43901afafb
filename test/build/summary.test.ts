import { expect, test } from "bun:test";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ALONE, lastLine, runsOf, summarize } from "../../build/test.ts";
import { root } from "../support/bus.ts";
import { tempFolder } from "../support/folder.ts";

const RUN =
  " 12 pass\n 1 skip\n 2 todo\n 3 fail\n 1 error\n 40 expect() calls\nRan 18 tests across 2 files. [7.00ms]\n";

test("the counts of a run", () => {
  expect(summarize(RUN, 1)).toEqual({ passed: 12, failed: 3, skipped: 3 });
});

test("what a test prints is not taken for the summary, which comes last", () => {
  expect(summarize(` 99 pass\n 98 fail\n${RUN}`, 1)).toEqual({ passed: 12, failed: 3, skipped: 3 });
});

test("a run that ends badly without a failed test, or without any summary, counts as one failure", () => {
  expect(summarize(" 2 pass\n 0 fail\n 1 error\n", 1)).toEqual({ passed: 2, failed: 1, skipped: 0 });
  expect(summarize("panic: Segmentation fault\n", 132)).toEqual({ passed: 0, failed: 1, skipped: 0 });
  expect(summarize("a test ended the process\n", 0)).toEqual({ passed: 0, failed: 1, skipped: 0 });
});

test("the last line", () => {
  expect(lastLine({ passed: 2, failed: 0, skipped: 0 })).toBe("2 passed, 0 failed");
  expect(lastLine({ passed: 2, failed: 1, skipped: 4 })).toBe("2 passed, 1 failed, 4 skipped");
});

test("a part is one run; everything is what may share the machine, and then what is alone", () => {
  expect(runsOf(["test/store"])).toEqual([["test/store"]]);
  const [shared = [], alone] = runsOf([]);
  expect(shared[0]).toBe("--parallel=3");
  expect(shared.slice(1)).toEqual(ALONE.map((file) => `--path-ignore-patterns=${file}`));
  expect(alone).toEqual([...ALONE]);
  // One that is not there would run beside others under its new name.
  expect(ALONE.filter((file) => !existsSync(join(root, file)))).toEqual([]);
});

const PASSES = 'import { test } from "bun:test"; test("passes", () => {});';
const FILES = {
  "a.test.ts": PASSES,
  "b.test.ts": `${PASSES} test("fails", () => { throw new Error("the reason"); }); test.skip("is left out", () => {});`,
  "alone.test.ts": PASSES,
  "crash.test.ts": `${PASSES} test("crashes", () => process.kill(process.pid, "SIGKILL"));`,
};

test.each<[runs: string[][], line: string]>([
  [[["--parallel=3", "a.test", "b.test"], ["alone.test"]], "3 passed, 1 failed, 1 skipped"],
  [[["--parallel=3", "a.test", "alone.test"], ["crash.test"]], "2 passed, 1 failed"],
  [[["nothing has this name"], ["alone.test"]], "1 passed, 1 failed"],
])("the counts of the runs %j are added", (runs, line) => {
  const folder = tempFolder();
  for (const [name, text] of Object.entries(FILES)) writeFileSync(join(folder, name), text);
  const script = `import { lastLine, runTests } from ${JSON.stringify(join(root, "build/test.ts"))};
    console.log(lastLine(await runTests(${JSON.stringify(runs)}, ${JSON.stringify(folder)})));`;
  const { stdout, stderr } = Bun.spawnSync([process.execPath, "-e", script], { stderr: "pipe" });
  expect(stdout.toString().trimEnd().split("\n").at(-1)).toBe(line);
  if (line.includes("skipped")) expect(stderr.toString()).toContain("the reason");
});
