import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";

const run = (...args: string[]) =>
  Bun.spawnSync([process.execPath, join(import.meta.dir, "run.ts"), ...args], {
    stdout: "pipe",
    stderr: "pipe",
  });

test("an unknown row is named, with those there are", () => {
  const { exitCode, stdout } = run("publsh");
  expect(exitCode).toBe(2);
  expect(stdout.toString()).toContain("There is no row publsh.");
  expect(stdout.toString()).toContain("publish, read");
});

test("one row by name, as JSON", () => {
  const { exitCode, stdout } = run("--quick", "--json", "size");
  expect(exitCode).toBe(0);
  const { machine, figures, failed } = JSON.parse(stdout.toString());
  expect(machine.cores).toBeGreaterThan(0);
  expect(failed).toEqual([]);
  expect(figures).toHaveLength(1);
  expect(figures[0].ratio).toBeCloseTo(figures[0].ours / figures[0].floor, 5);
});

test("Ctrl-C takes everything away: processes, sockets and files", async () => {
  const temp = join(import.meta.dir, `../../node_modules/.cache/bench-${process.pid}`);
  Bun.spawnSync(["mkdir", "-p", temp]);
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "run.ts"), "--quick", "cpu"], {
    env: { ...process.env, TMPDIR: temp },
    stdout: "pipe",
    stderr: "pipe",
  });
  const folders = () => [...new Bun.Glob("*/*/data.db").scanSync(temp)];
  while (folders().length === 0) await Bun.sleep(20);
  const [database = ""] = folders();
  await Bun.sleep(1_000);
  child.kill("SIGINT");
  expect(await child.exited).toBe(130);
  expect(existsSync(join(temp, database))).toBe(false);
  expect([...new Bun.Glob("*").scanSync({ cwd: temp, onlyFiles: false })]).toEqual([]);
  const left = Bun.spawnSync([
    "sh",
    "-c",
    `grep -l "${temp}" /proc/[0-9]*/environ 2>/dev/null`,
  ]).stdout.toString();
  const own = [`/proc/${process.pid}/environ`];
  expect(left.split("\n").filter((line) => line !== "" && !own.includes(line))).toEqual([]);
  Bun.spawnSync(["rmdir", temp]);
});
