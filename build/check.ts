// `npm run check`: everything that must hold before a change is merged, cheap steps first. Its arguments are those of
// build/test.ts, as `--all`.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { report } from "./summary.ts";
import { test } from "./test.ts";

const root = join(import.meta.dir, "..");

const steps: [heading: string, ...command: string[]][] = [
  ["format and lint", "node_modules/@biomejs/biome/bin/biome", "check", "--config-path=build", "."],
  ["types", "node_modules/typescript/bin/tsc"],
  ["generated guide", "build/guide.ts", "--check"],
  ["picture of the rooms", "build/rooms.ts", "--check"],
  ["bench", "test/bench/run.ts", "--quick"],
];

/** It prints what the machine gives; a slow one fails nothing. */
const NEVER_FAILS = "bench";

for (const [heading, script, ...args] of steps) {
  if (script === undefined || !existsSync(join(root, script))) continue;
  console.log(`== ${heading}`);
  const { exitCode } = Bun.spawnSync([process.execPath, script, ...args], {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
  });
  if (exitCode !== 0 && heading !== NEVER_FAILS) {
    console.log(report({ passed: 0, failed: 1, skipped: 0, failures: [heading], skips: [] }));
    process.exit(1);
  }
}
console.log("== tests");
await test(process.argv.slice(2));
