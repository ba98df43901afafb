import { expect, test } from "bun:test";
import { lastLine, summarize } from "../../build/test.ts";

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
});

test("the last line", () => {
  expect(lastLine({ passed: 2, failed: 0, skipped: 0 })).toBe("2 passed, 0 failed");
  expect(lastLine({ passed: 2, failed: 1, skipped: 4 })).toBe("2 passed, 1 failed, 4 skipped");
});
