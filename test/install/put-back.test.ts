import { describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { version } from "../../src/config/client.ts";
import { DATA } from "../support/home.ts";
import { isListening, machine, ran } from "../support/installed.ts";
import { health } from "../support/process.ts";
import { put, treeOf } from "../support/tree.ts";

describe("an installation that goes wrong in the middle", () => {
  test("is put back when the bus does not start, with what its log says", async () => {
    const it = await machine();
    put(join(it.data, "settings.env"), "AGENT_EVENT_BUS_WEBHOOK_ALLOW_CIDRS=nonsense\n", 0o600);
    const before = treeOf(it.home, [`${DATA}/agent-event-bus.log`, `${DATA}/agent-event-bus.err`]);
    const failed = await it.run("install", "server", "--port", String(it.port), "--yes");
    expect(failed.code).toBe(1);
    expect(failed.steps).toMatchObject({ binary: "done", settings: "done", service: "FAILED" });
    expect(failed.stderr).toContain("Its log says: AGENT_EVENT_BUS_WEBHOOK_ALLOW_CIDRS: ");
    expect(failed.stderr).toContain("All changes were undone.");
    expect(treeOf(it.home, [`${DATA}/agent-event-bus.log`, `${DATA}/agent-event-bus.err`])).toEqual(before);
    expect(it.manager.pid()).toBeUndefined();
  });

  test.each(["KILL", "INT"])("SIG%s leaves what runs, and what a second run completes", async (signal) => {
    const it = await machine();
    const args = ["install", "server", "--port", String(it.port), "--yes"];
    it.manager.onStart(`kill -${signal} $PPID; exit 1`);
    expect((await it.run(...args)).code).toBeNull();
    expect((await ran([it.program, "--version"], it.env)).stdout).toBe(`${version}\n`);
    expect((await it.run(...args)).steps).toMatchObject({ service: "done", hooks: "done" });
    expect(await health(it)).toMatchObject({ version });
    expect((await it.run("uninstall", "--yes")).code).toBe(0);
    expect(Object.keys(treeOf(it.home, [DATA]))).toEqual(["/", ".claude/", ".claude/contrib/"]);
  });
});

test("what a killed installer left beside the executable goes with an uninstall", async () => {
  const { home, program, run } = await machine();
  put(join(dirname(program), ".agent-event-bus.4194305.new"), "half of it");
  put(join(dirname(program), ".agent-event-bus.notes"), "a file of the person");
  expect((await run("uninstall", "--yes")).steps.binary).toBe("done");
  expect(readdirSync(dirname(program))).toEqual([".agent-event-bus.notes"]);
  expect(Object.keys(treeOf(home, [DATA]))).toContain(".local/bin/.agent-event-bus.notes");
});

test("a later step that fails takes the service back too", async () => {
  const it = await machine();
  put(join(it.manager.folder, "claude"), "#!/bin/sh\necho 'no such thing' >&2\nexit 1\n", 0o755);
  const failed = await it.run("install", "server", "--port", String(it.port), "--yes");
  expect(failed.steps).toMatchObject({ service: "done", hooks: "done", mcp: "FAILED" });
  expect(failed.stderr).toContain("All changes were undone.");
  expect(await isListening(it.port)).toBe(false);
  expect(Object.keys(treeOf(it.home, [DATA]))).toEqual(["/", ".claude/", ".claude/contrib/"]);
});
