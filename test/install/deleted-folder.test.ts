import { describe, expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { STAYING } from "../../src/hooks/names.ts";
import { hooksOf, pluginHooks } from "../../src/install/hook_entries.ts";
import { fresh, join as joinBus } from "../support/agent.ts";
import { binary } from "../support/binary.ts";
import { startBus } from "../support/bus.ts";
import { cli } from "../support/cli.ts";
import { tempFolder } from "../support/folder.ts";
import { PATIENT } from "../support/hooks.ts";

const SHELLS = ["sh", "bash", "dash", "zsh"].filter((shell) => Bun.which(shell) !== null);
/** A shell whose folder is deleted before the program starts. */
const DELETED = ["sh", "-c", 'mkdir gone && cd gone && rmdir ../gone && exec "$@"', "sh"];

/** The end of a program whose time is up, by `timeout`. */
const STOPPED = 124;

const bus = await startBus("binary");

const commandsOf = (hooks: ReturnType<typeof hooksOf>) =>
  Object.values(hooks).flatMap((groups) =>
    groups.flatMap((group) => group.hooks.map(({ command }) => command)),
  );

/** Runs a line as a client does, in a folder that is gone. `limit`: seconds after which it is ended. */
async function runLine(shell: string, line: string, input: object, limit = 30) {
  const child = Bun.spawn([...DELETED, "timeout", String(limit), shell, "-c", line], {
    cwd: tempFolder(),
    env: { PATH: process.env.PATH ?? "", HOME: tempFolder(), AGENT_EVENT_BUS_URL: bus.url, ...PATIENT },
    stdin: new Blob([JSON.stringify(input)]),
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  return { code: await child.exited, stdout, stderr };
}

describe("in a folder that was deleted", () => {
  const lines = [...new Set([...commandsOf(hooksOf(binary, "named")), ...commandsOf(pluginHooks(binary))])];

  test.each(SHELLS)("every installed hook line starts its hook (%s)", async (shell) => {
    expect(lines.length).toBeGreaterThan(8);
    for (const line of lines) {
      const input = { session_id: fresh("s"), cwd: "/srv/shop", hook_event_name: "X", reason: "clear" };
      const stays = STAYING.some((name) => line.includes(` hook ${name}`));
      const { code, stderr } = await runLine(shell, line, input, stays ? 1 : 30);
      expect([line, stderr.includes("working directory was deleted")]).toEqual([line, false]);
      expect([line, stays && code === STOPPED ? 0 : code]).toEqual([line, 0]);
    }
  });

  test.each(SHELLS)(
    "a session registers with the folder that its client names, and gets its messages (%s)",
    async (shell) => {
      const session_id = fresh("s");
      const cwd = join(tempFolder(), "shop");
      mkdirSync(cwd);
      const lineOf = (name: string) => String(lines.find((line) => line.includes(` hook ${name}`)));
      const started = await runLine(shell, lineOf("session-start"), { session_id, cwd });
      expect(started.stdout).toContain("You are registered as");
      const { result } = await bus.call("list_sessions");
      const listed = result.find((one: { client_id: string }) => one.client_id === session_id);
      expect(listed).toMatchObject({ cwd, repo: "shop" });
      const payload = fresh("hello");
      await bus.call("publish_event", { event_type: "n", payload, channel: `session:${session_id}` });
      expect((await runLine(shell, lineOf("prompt"), { session_id, cwd, prompt: "hi" })).stdout).toContain(
        payload,
      );
    },
  );

  test("the parent of the shell is the hook's parent: nothing stays between", async () => {
    const folder = tempFolder();
    const program = join(folder, "agent-event-bus");
    await Bun.write(program, '#!/bin/sh\necho "$PPID $*"\n');
    Bun.spawnSync(["chmod", "+x", program]);
    for (const line of commandsOf(hooksOf(program, "named")).filter((one) => one.includes("$PPID"))) {
      const { stdout } = Bun.spawnSync(["sh", "-c", line], { cwd: folder });
      expect(stdout.toString()).toMatch(new RegExp(`^${process.pid} hook [a-z]+ --pid ${process.pid}\n$`));
    }
  });

  test.each(["binary", "node"] as const)(
    "a command that needs its folder says so, and every other one works (%s)",
    async (kind) => {
      const { session_id } = await joinBus(bus);
      const run = (...args: string[]) => cli(args, { bus, kind, inside: DELETED, cwd: tempFolder() });
      for (const args of [["register"], ["register", "--json"]]) {
        const { code, stderr, stdout } = await run(...args);
        const sentence =
          "The current folder was deleted, and this command needs it. Change to another folder, then run it again.";
        expect([args, code, stderr]).toEqual([args, 1, `agent-event-bus: ${sentence}\n`]);
        if (args.includes("--json")) expect(JSON.parse(stdout)).toEqual({ error: sentence });
      }
      for (const args of [["sessions"], ["publish", "hi"], ["send", session_id, "hi"], ["events"]])
        expect((await run(...args)).code).toBe(0);
    },
  );
});
