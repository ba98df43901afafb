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
  ["types of the page", "node_modules/typescript/bin/tsc", "-p", "src/page"],
  ["types of the page's tests", "node_modules/typescript/bin/tsc", "-p", "test/page"],
  ["generated guide", "build/guide.ts", "--check"],
  ["picture of the rooms", "build/rooms.ts", "--check"],
];

for (const [heading, script, ...args] of steps) {
  if (script === undefined || !existsSync(join(root, script))) continue;
  console.log(`== ${heading}`);
  const { exitCode } = Bun.spawnSync([process.execPath, script, ...args], {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
  });
  if (exitCode !== 0) {
    console.log(report({ passed: 0, failed: 1, skipped: 0, failures: [heading], skips: [] }));
    process.exit(1);
  }
}
console.log("== tests");
await test(process.argv.slice(2));
