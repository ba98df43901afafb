// `npm run check`: everything that must hold before a change is merged, cheap steps first.
import { existsSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dir, "..");

const steps: [heading: string, ...command: string[]][] = [
  ["format and lint", "node_modules/@biomejs/biome/bin/biome", "check", "--config-path=build", "."],
  ["types", "node_modules/typescript/bin/tsc"],
  ["generated guide", "build/guide.ts", "--check"],
  ["bench", "test/bench/run.ts", "--quick"],
  ["tests", "build/test.ts"],
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
    if (heading !== "tests") console.error(`check failed: ${heading}`);
    process.exit(1);
  }
}
