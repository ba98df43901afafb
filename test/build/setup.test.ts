import { expect, test } from "bun:test";
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import manifest from "../../package.json" with { type: "json" };
import { tempFolder } from "../support/folder.ts";

const root = join(import.meta.dir, "../..");
const setUp = join(root, "build/bun.mjs");

test("package.json pins exact versions", () => {
  const versions = Object.values({
    ...manifest.dependencies,
    ...manifest.devDependencies,
    ...manifest.engines,
  });
  for (const version of versions) expect(version).toMatch(/^\d+\.\d+\.\d+$/);
});

test("bun.lock is the only lock file and names no registry", () => {
  expect(readFileSync(join(root, "bun.lock"), "utf8")).not.toContain("://");
  for (const other of ["package-lock.json", "yarn.lock", "pnpm-lock.yaml", "bun.lockb"]) {
    expect(existsSync(join(root, other))).toBe(false);
  }
});

test("build/bun.mjs runs the pinned Bun, hands on its exit code and adds no output", () => {
  const script = "console.log(Bun.version); process.exit(7)";
  const { stdout, stderr, exitCode } = Bun.spawnSync([process.execPath, setUp, "-e", script]);
  expect(stdout.toString()).toBe(`${manifest.engines.bun}\n`);
  expect(stderr.toString()).toBe("");
  expect(exitCode).toBe(7);
});

test("build/bun.mjs hands signals on", async () => {
  const script =
    'process.on("SIGTERM", () => process.exit(3)); setInterval(() => {}, 1e3); console.log("up")';
  const child = Bun.spawn([process.execPath, setUp, "-e", script], { stdin: "ignore" });
  await child.stdout.getReader().read();
  child.kill("SIGTERM");
  expect(await child.exited).toBe(3);
});

test("build/bun.mjs says in one sentence that Bun cannot be fetched, and leaves nothing half done", () => {
  const folder = tempFolder();
  mkdirSync(join(folder, "build"));
  copyFileSync(setUp, join(folder, "build/bun.mjs"));
  writeFileSync(join(folder, "package.json"), '{ "engines": { "bun": "0.0.1" } }');
  const { stderr, exitCode } = Bun.spawnSync([process.execPath, join(folder, "build/bun.mjs"), "x.ts"], {
    env: { HOME: folder, PATH: "", NPM_CONFIG_REGISTRY: "http://127.0.0.1:1/" },
  });
  const sentence = "Bun 0.0.1 could not be fetched from npm; is the network reachable?";
  expect(stderr.toString()).toEndWith(`build/bun.mjs: ${sentence}\n`);
  expect(exitCode).toBe(1);
  expect(existsSync(join(folder, "node_modules/.cache/bun-0.0.1"))).toBe(false);
});
