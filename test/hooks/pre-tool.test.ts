import { describe, expect, test } from "bun:test";
import { HOOKS } from "../../src/hooks/names.ts";
import { OWN_TOOLS } from "../../src/hooks/own_tools.ts";
import { operations } from "../../src/operations/index.ts";
import { startBus } from "../support/bus.ts";
import { type Client, newClient, startClient } from "../support/hooks.ts";

const AWAY = "http://127.0.0.1:1/mcp";

/** Runs the hook before a tool of the bus, and returns the tool's new input. Undefined if the hook says nothing. */
async function inputOf(
  client: Client,
  tool: string,
  tool_input: object,
  more = {},
): Promise<object | undefined> {
  const fields = { hook_event_name: "PreToolUse", tool_name: `mcp__agent-event-bus__${tool}`, tool_input };
  const { stdout, stderr, code } = await client.run("pre-tool", { ...more, with: fields });
  expect([stderr, code]).toEqual(["", 0]);
  if (stdout === "") return undefined;
  const { hookSpecificOutput, ...others } = JSON.parse(stdout);
  const { hookEventName, updatedInput, ...decision } = hookSpecificOutput;
  // A decision would take the place of the user's permissions.
  expect([others, decision, hookEventName]).toEqual([{}, {}, "PreToolUse"]);
  return updatedInput;
}

test("every tool that takes its caller's session is known", () => {
  const listed = operations.filter(({ params, listed }) => "session_id" in params && listed !== false);
  expect(listed.map(({ name }) => name).sort()).toEqual([...OWN_TOOLS].sort());
});

test("the hook runs before the bus's tools only, however the server was added", () => {
  const matcher = new RegExp(`^(${HOOKS["pre-tool"].matcher})$`);
  for (const name of ["mcp__agent-event-bus__ask", "mcp__plugin_agent-event-bus_bus__ask"])
    expect(matcher.test(name)).toBe(true);
  for (const name of [
    "Bash",
    "mcp__other__ask",
    "mcp__agent-event-bus-2__ask",
    "mcp__x__agent-event-bus__ask",
  ])
    expect(matcher.test(name)).toBe(false);
});

describe("before one of the bus's tools", () => {
  const OWN = "OWN";
  const ROWS: [tool: string, input: object, more: object | undefined][] = [
    ["publish_event", { event_type: "note", payload: "x" }, { session_id: OWN }],
    ["publish_event", { event_type: "note", payload: "x", session_id: "" }, { session_id: OWN }],
    ["publish_event", { event_type: "note", payload: "x", session_id: null }, { session_id: OWN }],
    ["publish_event", { event_type: "note", payload: "x", session_id: "brave-trex" }, undefined],
    ["ask", { to: "api", payload: "x" }, { session_id: OWN }],
    ["reply", { event_id: 1, payload: "x" }, { session_id: OWN }],
    ["ack_events", { cursor: "3" }, { session_id: OWN }],
    ["get_events", { resume: true }, { session_id: OWN }],
    // It would move the cursor of the session over what it has not been shown.
    ["get_events", { cursor: "3", limit: 1 }, undefined],
    ["unregister_session", {}, { session_id: OWN }],
    ["unregister_session", { client_id: "other" }, undefined],
    ["register_session", { name: "api", client_id: "other" }, undefined],
    ["list_sessions", {}, undefined],
    ["notify", { title: "x" }, undefined],
  ];

  test.each(ROWS)("%s %j", async (tool, input, more) => {
    const bus = await startBus("binary");
    const client = await startClient(bus);
    const named = JSON.parse(JSON.stringify(more ?? {}).replace(OWN, client.id));
    const expected = more === undefined ? undefined : { ...input, ...named };
    expect(await inputOf(client, tool, input)).toEqual(expected);
    // Without the bus the client's id names the session.
    expect(await inputOf(client, tool, input, { url: AWAY })).toEqual(expected);
  });

  test("an agent that registers goes on with the session of its hooks, in the repository where it is", async () => {
    const bus = await startBus("binary");
    const client = await startClient(bus);
    const [before] = (await bus.call("list_sessions")).result;
    const input = await inputOf(client, "register_session", { name: "api" });
    expect(await bus.call("register_session", input)).toMatchObject({ session_id: client.id, resumed: true });
    const { result } = await bus.call("list_sessions");
    expect(result).toMatchObject([{ name: "api", repo: before.repo, cwd: before.cwd, reach: before.reach }]);
  });

  test("a second process of one session is told apart from the first", async () => {
    const bus = await startBus("binary");
    const first = await startClient(bus);
    const second = await startClient(bus, { id: first.id, cwd: first.cwd });
    const ids = [];
    for (const client of [first, second]) {
      const input = await inputOf(client, "publish_event", { event_type: "note", payload: "x" });
      ids.push((input as { session_id: string }).session_id);
    }
    const { result } = await bus.call("list_sessions");
    const known = result.map(({ session_id }: { session_id: string }) => session_id);
    expect(ids.sort()).toEqual(known.sort());
    expect(new Set(ids).size).toBe(2);
  });

  test("after /clear, a subagent's call, and one of a session that the bus does not know", async () => {
    const bus = await startBus("binary");
    const first = await startClient(bus);
    await first.run("session-end", { with: { reason: "clear" } });
    const next = newClient(bus, { pid: first.pid, cwd: first.cwd });
    await next.read("session-start", { with: { source: "clear" } });
    expect(await inputOf(next, "ask", {})).toEqual({ session_id: first.id });
    const fields = { tool_name: "mcp__plugin_agent-event-bus_bus__ask", tool_input: {}, agent_id: "a1" };
    const { stdout } = await next.run("pre-tool", { with: fields });
    expect(JSON.parse(stdout).hookSpecificOutput.updatedInput).toEqual({ session_id: first.id });
    const unknown = newClient(bus);
    expect(await inputOf(unknown, "ask", {})).toEqual({ session_id: unknown.id });
  });

  test.each([
    ["no input", { tool_name: "mcp__agent-event-bus__ask" }],
    ["an input of another type", { tool_name: "mcp__agent-event-bus__ask", tool_input: "x" }],
    ["no name", { tool_input: {} }],
  ])("%s: nothing is said", async (_what, fields) => {
    const bus = await startBus("binary");
    const client = await startClient(bus);
    expect((await client.run("pre-tool", { with: fields })).stdout).toBe("");
  });
});
