import { expect, test } from "bun:test";
import { copyFileSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import manifest from "../../package.json" with { type: "json" };
import { binary } from "../support/binary.ts";
import { tempFolder } from "../support/folder.ts";

/** A folder with nothing but the executable, and an empty home. */
function alone(): { folder: string; file: string; env: Record<string, string> } {
  const folder = tempFolder();
  const home = tempFolder();
  const file = join(folder, "agent-event-bus");
  copyFileSync(binary, file);
  return { folder, file, env: { HOME: home, PATH: "" } };
}

test("the file runs alone in an empty folder and leaves nothing there", () => {
  const { folder, file, env } = alone();
  const { stdout, stderr, exitCode } = Bun.spawnSync([file, "--version"], { cwd: folder, env });
  expect(stdout.toString()).toBe(`${manifest.version}\n`);
  expect(stderr.toString()).toBe("");
  expect(exitCode).toBe(0);
  expect(readdirSync(folder)).toEqual(["agent-event-bus"]);
});

test("a command ignores the settings of the folder it runs in", () => {
  const { folder, file, env } = alone();
  placeStrangeSettings(folder);
  const url = "http://127.0.0.1:1/mcp";
  const { stdout, stderr } = Bun.spawnSync([file, "sessions", "--url", url], { cwd: folder, env });
  expect(stdout.toString()).toBe("");
  expect(stderr.toString()).toContain(url);
  const usual = Bun.spawnSync([file, "sessions"], { cwd: folder, env });
  expect(`${usual.stdout}${usual.stderr}`).not.toMatch(/strange|preloaded/);
});

test("the server ignores the settings of the folder it runs in", async () => {
  const { folder, file, env } = alone();
  placeStrangeSettings(folder);
  const server = Bun.spawn([file, "serve", "--port", "0"], { cwd: folder, env, stderr: "pipe" });
  const { value } = await server.stdout.getReader().read();
  server.kill("SIGTERM");
  expect(new TextDecoder().decode(value)).toStartWith("agent-event-bus listens on http://127.0.0.1:");
  expect(await server.exited).toBe(0);
});

const PRELOADS = ["--preload=PATH", "--preload PATH", "-r PATH", "--require=PATH", "--import=PATH"];
const OTHERS = ["--help", "--version", "--config=PATH", "--print 7", "--no-such-flag"];
test.each([...PRELOADS, ...OTHERS])("BUN_OPTIONS=%s does nothing", (options) => {
  const { folder, file, env } = alone();
  placeStrangeSettings(folder);
  const BUN_OPTIONS = options.replace("PATH", join(folder, "preload.ts"));
  for (const words of [
    ["--version"],
    ["hook", "--help"],
    ["publish", "--no-such", "--", "x"],
    ["serve", "--help"],
  ]) {
    const run = (more: object) => {
      const { stdout, stderr, exitCode } = Bun.spawnSync([file, ...words], {
        cwd: folder,
        env: { ...env, ...more },
      });
      return [`${stdout}`, `${stderr}`, exitCode];
    };
    expect(run({ BUN_OPTIONS })).toEqual(run({}));
  }
});

/** Settings that would be seen at once: an address of no machine, and a script that prints. */
function placeStrangeSettings(folder: string): void {
  const variables = ["HOST=203.0.113.1", "AGENT_EVENT_BUS_URL=http://strange.invalid/mcp"];
  writeFileSync(join(folder, ".env"), variables.join("\n"));
  writeFileSync(join(folder, "bunfig.toml"), 'preload = ["./preload.ts"]\n');
  writeFileSync(join(folder, "preload.ts"), 'console.log("preloaded");\n');
  mkdirSync(join(folder, "node_modules"));
}
