import { expect, test } from "bun:test";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { keep } from "../../build/node24.ts";
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
  // A second version of a package has another name.
  for (const version of versions)
    expect(version.replace(/^npm:[@\w/-]+@/, "")).toMatch(/^\d+\.\d+\.\d+(-\w+\.\d+)?$/);
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

/** Puts a file into a folder of its own, as a process that fetches does, and moves it to its place. */
async function fetchInto(place: string, name: string, text: string): Promise<void> {
  const partial = join(tempFolder(), "partial");
  mkdirSync(partial);
  writeFileSync(join(partial, name), text);
  await keep(partial, place, async () => existsSync(join(place, "program")));
  expect(existsSync(partial)).toBe(false);
}

test("of two processes that fetch the same, the first one's is kept, and what is not whole is replaced", async () => {
  const place = join(tempFolder(), "place");
  await fetchInto(place, "rest", "of an older run");
  await fetchInto(place, "program", "first");
  expect(readdirSync(place)).toEqual(["program"]);
  await fetchInto(place, "program", "second");
  expect(readFileSync(join(place, "program"), "utf8")).toBe("first");
});
