import { expect, test } from "bun:test";
import { join } from "node:path";
import { tempFolder } from "../support/folder.ts";
import { EVERY_MS } from "../support/lock_taker.ts";
import { outputOf } from "../support/process.ts";

const ROUNDS = 25;
const TAKER = join(import.meta.dir, "../support/lock_taker.ts");

test("of two that want the lock at the same moment one gets it", async () => {
  const folder = tempFolder();
  const first = Date.now() + 4 * EVERY_MS;
  const take = async (): Promise<number[]> => {
    const command = [process.execPath, TAKER, folder, String(first), String(ROUNDS)];
    const { stdout } = await outputOf(command, { cwd: folder, env: { PATH: process.env.PATH ?? "" } });
    return JSON.parse(stdout);
  };
  const got = new Set((await Promise.all([take(), take()])).flat());
  expect([...got].sort((a, b) => a - b)).toEqual(Array.from({ length: ROUNDS }, (_, round) => round));
});
