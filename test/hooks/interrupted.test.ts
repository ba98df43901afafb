// The file by which the mod tells that the user interrupted a turn.
import { describe, expect, test } from "bun:test";
import { startBus } from "../support/bus.ts";
import { startGate } from "../support/gate.ts";
import { type Client, ended, newClient, startClient } from "../support/hooks.ts";

const WOKEN = 2;
const OF_PLUGIN = { CLAUDE_PLUGIN_ROOT: "/srv/plugin" };

/** The part of a start's answer that the client acts on. */
async function startOf(
  client: Client,
  env: Record<string, string> = {},
): Promise<{ additionalContext?: string; watchPaths?: string[] }> {
  const { code, stdout } = await client.run("session-start", { env });
  expect(code).toBe(0);
  return stdout === "" ? {} : JSON.parse(stdout).hookSpecificOutput;
}

describe("a session of the plugin", () => {
  test("has its client watch a file of its own, even if the bus is away", async () => {
    const [client, other] = [newClient(await startBus("binary")), newClient({ url: "http://127.0.0.1:9" })];
    const { additionalContext, watchPaths } = await startOf(client, OF_PLUGIN);
    expect(additionalContext).toContain("You are registered");
    expect(watchPaths).toHaveLength(1);
    expect(watchPaths?.[0]).toEndWith(`/.claude/contrib/agent-event-bus/interrupted-${client.id}`);
    const away = await startOf(other, OF_PLUGIN);
    expect(away.additionalContext).toBeUndefined();
    expect(away.watchPaths?.[0]).toEndWith(`/interrupted-${other.id}`);
  });

  test("watches nothing that its id names elsewhere", async () => {
    const client = newClient({ url: "http://127.0.0.1:9" });
    const { stdout } = await client.run("session-start", {
      env: OF_PLUGIN,
      with: { session_id: "../../../x/y" },
    });
    const [path = ""] = JSON.parse(stdout).hookSpecificOutput.watchPaths;
    expect(path).toEndWith("/.claude/contrib/agent-event-bus/interrupted-_________x_y");
  });

  test("of hooks in the settings, none is watched", async () => {
    const client = newClient(await startBus("binary"));
    const started = await startOf(client);
    expect(started.additionalContext).toContain("You are registered");
    expect(started.watchPaths).toBeUndefined();
  });
});

describe("a waiter that a changed file starts", () => {
  const CHANGES: readonly { how: string; path?: string; event: string; code: number }[] = [
    { how: "added", event: "add", code: WOKEN },
    { how: "written again", event: "change", code: WOKEN },
    { how: "removed", event: "unlink", code: 0 },
    { how: "another one", path: "/srv/shop/.env", event: "change", code: 0 },
  ];

  test.each(CHANGES)("$how: ends with $code", async ({ path, event, code }) => {
    const bus = await startBus("binary");
    const client = await startClient(bus);
    const gate = startGate(bus);
    const { watchPaths: [own] = [] } = await startOf(client, OF_PLUGIN);
    await bus.call("publish_event", {
      ...{ event_type: "question", payload: "Come back.", channel: `session:${client.id}` },
    });
    const changed = { hook_event_name: "FileChanged", file_path: path ?? own, event };
    const result = await ended(await client.wait({ url: gate.url, with: changed }), 30_000);
    expect(result.code).toBe(code);
    if (code === 0) expect(gate.calls).toEqual([]);
    else expect(result.stderr).toContain("Come back.");
  });
});
