// The plugin as Claude Code sees it: its own validator, and its own test kit with `plugin/tests`. The kit is the client's
// engine, with a clock that the tests move and nothing beneath it but what they answer.
import { afterAll, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { pluginFiles } from "../../src/install/plugin_files.ts";
import { Claude, findClaude, newestVersion, VERSION } from "../claude-code/client.ts";
import { removeFolders, tempFolder } from "../support/folder.ts";

const TIMEOUT_MS = 240_000;
const SOURCES = join(import.meta.dir, "plugin");

afterAll(removeFolders);

/** The files of our tests by their paths in the plugin. The client runs what is called `.test.ts`. */
function testFiles(): Record<string, string> {
  const files: Record<string, string> = {};
  for (const folder of ["kit", "tests"])
    for (const name of readdirSync(join(SOURCES, folder))) {
      const path = folder === "tests" ? `tests/${name.replace(/\.ts$/, ".test.ts")}` : `kit/${name}`;
      files[path] = readFileSync(join(SOURCES, folder, name), "utf8");
    }
  return files;
}

function write(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
}

/** The number of tests that passed in each file. */
function passedIn(printed: string): Record<string, number> {
  const passed: Record<string, number> = {};
  let file = "";
  for (const line of printed.split("\n")) {
    file = /^(tests\/.*):$/.exec(line)?.[1] ?? file;
    if (line.startsWith("(pass)")) passed[file] = (passed[file] ?? 0) + 1;
  }
  return passed;
}

const latest = newestVersion();
for (const version of new Set([VERSION, ...(latest === undefined ? [] : [latest])])) {
  const file = await findClaude(version);
  if (file === undefined)
    console.log(`skipped: the plugin's own tests in Claude Code ${version}, which cannot be had here`);
  test.skipIf(file === undefined)(
    `Claude Code ${version} finds the plugin valid, and all of its tests pass`,
    async () => {
      const home = tempFolder(true);
      const folder = join(home, "plugin");
      const tests = testFiles();
      write(folder, { ...pluginFiles("/opt/agent-event-bus"), ...tests });
      const client = new Claude(String(file), home);
      expect(await client.run("plugin", "validate", folder, "--strict")).toContain("Validation passed");
      const printed = await client.run("plugin", "test", folder);
      const passed = passedIn(printed);
      // A test in a loop is written once, and runs more often.
      const missing = Object.entries(tests)
        .map(([path, text]) => ({ path, written: Array.from(text.matchAll(/^\s*test\(/gm)).length }))
        .filter(
          ({ path, written }) => path.startsWith("tests/") && !((passed[path] ?? 0) >= Math.max(1, written)),
        );
      expect(missing).toEqual([]);
      expect(printed).toMatch(/^ 0 fail$/m);
    },
    TIMEOUT_MS,
  );
}
