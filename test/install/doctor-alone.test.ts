import { afterAll, expect, test } from "bun:test";
import { chownSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isServing, machine, ran } from "../support/installed.ts";
import { ordinaryPath } from "../support/managers.ts";

/** A machine without a service manager, on which a person has started the bus. */
async function started(...without: string[]) {
  const it = await machine();
  const env = { ...it.env, PATH: `${join(it.program, "..")}:${ordinaryPath()}` };
  await it.run("install", "server", "--port", String(it.port), "--no-service", "--no-mcp", ...without);
  const bus = Bun.spawn([it.program, "serve"], { env, cwd: "/", stdio: ["ignore", "ignore", "ignore"] });
  afterAll(() => bus.kill("SIGKILL"));
  while (!(await isServing(it.port))) await Bun.sleep(20);
  return { ...it, env, bus };
}

test("a bus that hangs: the command ends it first", async () => {
  const { env, bus, program } = await started();
  bus.kill("SIGSTOP");
  const { code, stdout } = await ran([program, "doctor"], env);
  expect(code).toBe(1);
  expect(stdout).toMatch(/^BAD {3}bus .* did not answer within 3 s\./m);
  const repairs = stdout.match(/^ {6}\S.*$/gm)?.map((line) => line.trim());
  expect((await ran([program, "status"], env)).stdout).toMatch(/^bus +does not answer$/m);
  expect(new Set(repairs)).toEqual(new Set([`kill -9 ${bus.pid}; agent-event-bus start`]));
});

test("an uninstall tells of a bus that goes on", async () => {
  const { env, bus, program } = await started();
  const { code, stdout } = await ran([program, "uninstall", "--yes"], env);
  expect(code).toBe(0);
  expect(stdout).toContain(`is still running (process ${bus.pid}). To stop it: kill ${bus.pid}\n`);
});

const isRoot = process.getuid?.() === 0;
if (!isRoot) console.log("skipped: files that sudo left, this is not root");

test.skipIf(!isRoot)("files that sudo left to another user: the command gives them back", async () => {
  const it = await machine();
  await it.run("install", "server", "--port", String(it.port), "--no-service", "--no-mcp");
  chownSync(it.data, 1234, 1234);
  const asOther = ["setpriv", "--reuid=1235", "--regid=1235", "--clear-groups", it.program, "doctor"];
  const { code, stdout } = await ran(asOther, { ...it.env, PATH: "/usr/bin:/bin" });
  expect(code).toBe(1);
  expect(stdout).toContain(`settings.env cannot be read: EACCES`);
  expect(stdout).toContain(`      sudo chown -R "$(id -un)" ${it.data}\n`);
});

test("what the person left out is no problem, until it is put in", async () => {
  const { program, ...it } = await started("--no-hooks");
  // Never run: what Claude Code knows stands in its own file.
  const claude = join(program, "..", "claude");
  writeFileSync(claude, "#!/bin/sh\nexit 1\n", { mode: 0o755 });
  const left = await ran([program, "doctor"], it.env);
  expect(left.stdout).toMatch(/^note {2}mcp +left out \(--no-mcp\)\. To add it: .*$/m);
  expect(left.stdout).toMatch(/^note {2}hooks +left out \(--no-hooks\)\. To add them: .*$/m);
  expect(left.code).toBe(0);

  const install = [program, "install", "server", "--no-service", "--no-mcp"];
  expect((await ran([...install, "--no-hooks"], it.env)).steps).toMatchObject({
    hooks: "unchanged",
    mcp: "unchanged",
  });
  expect((await ran(install, it.env)).steps).toMatchObject({ hooks: "done", mcp: "unchanged" });
  writeFileSync(join(it.home, ".claude/settings.json"), "{}");
  const gone = await ran([program, "doctor"], it.env);
  expect(gone.stdout).toMatch(/^BAD {3}hooks +not in /m);
  expect(gone.code).toBe(1);
});
