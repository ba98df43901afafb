import { describe, expect, test } from "bun:test";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { startHere } from "../../support/bus.ts";
import { cli } from "../../support/cli.ts";

const WARNING =
  "You are anonymous, so an answer reaches you only while you wait for it. Pass your session_id, or get one with register_session.";

describe("without a session_id", () => {
  const NOTE = { event_type: "note", payload: "x" };
  const CALLS: [tool: string, args: object, warning: string][] = [
    ["publish_event", NOTE, WARNING],
    ["publish_event", { ...NOTE, session_id: "" }, WARNING],
    ["publish_event", { ...NOTE, signal_level: "loud" }, `Unknown signal_level .* ${WARNING}`],
    ["ask", { to: "machine:elsewhere", payload: "x", wait_seconds: 0 }, WARNING],
    ["reply", { event_id: 1, payload: "x" }, WARNING],
  ];

  test.each(CALLS)("an agent's %s %j is warned, once", async (tool, args, warning) => {
    const bus = await startHere();
    await bus.call("publish_event", NOTE);
    const client = new Client({ name: "agent", version: "1" });
    await client.connect(new StreamableHTTPClientTransport(new URL(bus.url)));
    const { structuredContent } = await client.callTool({ name: tool, arguments: { ...args } });
    expect((structuredContent as { warning: string }).warning).toMatch(new RegExp(warning));
    expect(JSON.stringify(structuredContent).split("You are anonymous")).toHaveLength(2);
    await client.close();
  });

  test("neither is an agent that says who it is", async () => {
    const bus = await startHere();
    const { session_id } = await bus.call("register_session", { name: "a" });
    const client = new Client({ name: "agent", version: "1" });
    await client.connect(new StreamableHTTPClientTransport(new URL(bus.url)));
    const told = await client.callTool({ name: "publish_event", arguments: { ...NOTE, session_id } });
    expect(told.structuredContent).not.toHaveProperty("warning");
    await client.close();
  });

  test("a command and a script that only posts are not warned", async () => {
    const bus = await startHere();
    expect(await bus.call("publish_event", NOTE)).not.toHaveProperty("warning");
    const { stdout, stderr } = await cli(["publish", "--type", "note", "--payload", "x"], { bus });
    expect(stdout + stderr).not.toContain("anonymous");
  });
});
