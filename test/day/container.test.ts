// The person's day in a container: other process numbers and another host name, for the bus, its clients and its hooks.
import { expect, test } from "bun:test";
import { join } from "node:path";
import { atTerminal } from "../claude-code/converse.ts";

const TIMEOUT_MS = 300_000;
const CONTAINER = ["unshare", "--pid", "--fork", "--mount-proc", "--uts", "--ipc"];
const NAMED = ["sh", "-c", 'hostname box && exec "$@"', "sh"];
const isPossible = Bun.spawnSync([...CONTAINER, ...NAMED, "true"]).success;
if (!isPossible) console.log("NOT TESTED: the day in a container, which needs root and unshare");

test.skipIf(!isPossible || !atTerminal)(
  "every scene of the day passes there",
  async () => {
    const scenes = [process.execPath, "test", "--timeout", "180000", join(import.meta.dir, "day.test.ts")];
    const child = Bun.spawn([...CONTAINER, ...NAMED, ...scenes], { stdout: "ignore", stderr: "pipe" });
    const told = await new Response(child.stderr).text();
    const failed = told.split("\n").filter((line) => line.startsWith("(fail)"));
    if (failed.length > 0) console.log(told);
    expect([failed, await child.exited]).toEqual([[], 0]);
    expect(told).toMatch(/^ *11 pass$/m);
  },
  TIMEOUT_MS,
);
