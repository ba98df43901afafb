import { expect, test } from "bun:test";
import { startOnTerminal } from "../support/cli.ts";
import { machine } from "../support/installed.ts";
import { treeOf } from "../support/tree.ts";

const noTerminal = process.platform === "win32";
const ANSWERS: readonly [string, string][] = [
  ["n and Enter", "n\r"],
  ["Ctrl-C", "\u0003"],
  ["Ctrl-D", "\u0004"],
];

test.skipIf(noTerminal).each(ANSWERS)(
  "%s at the question: nothing is changed, and nothing to do is told",
  async (_name, keys) => {
    const { home, env } = await machine();
    const before = treeOf(home);
    const { child, shown } = await startOnTerminal(["install", "server", "--no-service"], {
      kind: "binary",
      env,
    });
    while (!shown().includes("[Y/n]")) await Bun.sleep(20);
    child.terminal?.write(keys);
    expect(await child.exited).toBe(0);
    const [, after] = Bun.stripANSI(shown()).split("Do this? [Y/n] ");
    expect(after?.replace(/^n?\s+/, "").trim()).toBe("Nothing was changed.");
    expect(treeOf(home)).toEqual(before);
  },
);
