import { describe, expect, test } from "bun:test";
import { HOOKS } from "../../src/hooks/names.ts";
import { startBus } from "../support/bus.ts";
import { startGate } from "../support/gate.ts";
import { runHook } from "../support/hooks.ts";

/** What Cursor writes to the hooks that it takes from Claude Code's settings. */
const CURSOR = {
  conversation_id: "668320d2-2fd8-4888-b33c-2a466fec86e7",
  generation_id: "490b90b7-a2ce-4c2c-bb76-cb77b125df2f",
  hook_event_name: "beforeSubmitPrompt",
  cursor_version: "2.4.1",
  workspace_roots: ["/home/me/shop"],
  model: "gpt-5",
};
const { cursor_version: _, conversation_id: __, ...LATER } = CURSOR;

const FOREIGN: readonly [client: string, input: object][] = [
  ["Cursor", CURSOR],
  ["Cursor with a session id", { ...CURSOR, session_id: "abc", hook_event_name: "stop" }],
  ["Cursor with Claude Code's name of the event", { ...CURSOR, hook_event_name: "UserPromptSubmit" }],
  [
    "one that begins event names in lower case",
    { ...LATER, session_id: "abc", hook_event_name: "sessionStart" },
  ],
];

describe("another client that runs the hooks of Claude Code's settings", () => {
  test.each(
    Object.keys(HOOKS).flatMap((name) => FOREIGN.map(([client, input]) => [name, client, input] as const)),
  )(
    "is no session: hook %s ends with 0, prints nothing and asks nobody (%s)",
    async (name, _client, input) => {
      const bus = await startBus("binary");
      const gate = startGate(bus);
      const env = { CLAUDE_CODE_SESSION_ID: "outer", CLAUDE_PID: String(process.pid) };
      const { ms: _ms, ...ran } = await runHook(name, { input, url: gate.url, env });
      expect(ran).toEqual({ stdout: "", stderr: "", code: 0 });
      expect(gate.calls).toEqual([]);
    },
  );

  test("may ask for its own format", async () => {
    const bus = await startBus("binary");
    await bus.call("publish_event", { event_type: "note", payload: "hello" });
    const input = { ...CURSOR, session_id: "cursor-1" };
    const args = ["--format", "json"];
    const { code } = await runHook("session-start", { input, url: bus.url, args });
    expect(code).toBe(0);
    expect((await bus.call("list_sessions")).result).toMatchObject([{ client_id: "cursor-1" }]);
  });
});
