import { describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { version } from "../../src/config/client.ts";
import { isListening, machine } from "../support/installed.ts";
import { callTool } from "../support/rpc.ts";
import { put } from "../support/tree.ts";

describe("restart and status", () => {
  const made = machine();

  test("status says that it does not run, then that it does, and with which version", async () => {
    const it = await made;
    put(join(it.data, "settings.env"), `PORT=${it.port}\n`, 0o600);
    const before = await it.run("status");
    expect(before.code).toBe(1);
    expect(before.stderr).toContain(`The bus does not run. Nothing is listening at 127.0.0.1:${it.port}.`);
    await it.run("install", "server", "--yes", "--no-hooks");
    await callTool(`http://127.0.0.1:${it.port}/mcp`, "register_session", { name: "x" });
    const shown = await it.run("status");
    expect(shown).toMatchObject({ code: 0, stderr: "" });
    expect(shown.stdout).toMatch(new RegExp(`^version +${version.replaceAll(".", "\\.")}$`, "m"));
    expect(shown.stdout).toMatch(new RegExp(`^process +${it.manager.pid()}$`, "m"));
    expect(shown.stdout).toMatch(/^sessions +1$/m);
    const { running, pid, database } = JSON.parse((await it.run("status", "--json")).stdout);
    expect({ running, pid, database }).toEqual({
      running: true,
      pid: it.manager.pid() as number,
      database: join(it.data, "data.db"),
    });
  });

  test("restart waits for the new process", async () => {
    const it = await made;
    const former = it.manager.pid();
    const { code, stdout } = await it.run("restart");
    expect(code).toBe(0);
    expect(it.manager.pid()).not.toBe(former);
    expect(stdout).toBe(
      `Restarted: process ${it.manager.pid()} answers at http://127.0.0.1:${it.port}/mcp\n`,
    );
  });

  test("--server removes only the service", async () => {
    const it = await made;
    expect((await it.run("uninstall", "--server", "--yes")).steps).toEqual({ service: "done" });
    expect(await isListening(it.port)).toBe(false);
    expect(readdirSync(join(it.home, ".local/bin")).sort()).toEqual([
      "agent-event-bus",
      "agent-event-bus-cli",
    ]);
  });
});
