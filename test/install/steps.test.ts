import { expect, test } from "bun:test";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Journal } from "../../src/install/journal.ts";
import { carryOut, type Step } from "../../src/install/steps.ts";
import { tempFolder } from "../support/folder.ts";
import { treeOf } from "../support/tree.ts";

const step = (what: string, apply: () => void): Step => ({
  what,
  plan: async () => ({
    state: "planned",
    text: what,
    async apply() {
      apply();
      return undefined;
    },
  }),
});

const noFullDevice = !existsSync("/dev/full");
if (noFullDevice) console.log("skipped: a full disk, there is no /dev/full");

test.skipIf(noFullDevice)("a full disk in the middle: a sentence, and what was done goes", async () => {
  const home = tempFolder();
  const journal = new Journal(join(home, "data"));
  const steps = [
    step("first", () => journal.write(join(home, "folder/file"), "ours")),
    step("second", () => writeFileSync("/dev/full", "more")),
  ];
  const desk = { json: false, tell: async () => true, ask: undefined };
  expect(await carryOut(steps, { desk, journal, flags: { dry_run: false, yes: true } })).toMatchObject({
    changed: false,
    error: "second: The disk is full. Free some space, then run this again. All changes were undone.",
  });
  expect(Object.keys(treeOf(home))).toEqual(["/"]);
});
