import { describe, expect, test } from "bun:test";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { operations } from "../../../src/operations/index.ts";
import { fresh } from "../../support/agent.ts";
import { startBus, startHere, type TestBus } from "../../support/bus.ts";
import { inboxOf } from "../../support/listening.ts";
import { MODERN } from "../../support/modern.ts";
import { eventually } from "../../support/webhook.ts";

/** How a client chooses a revision, and what comes of it. `before`: its requests before the first that does something. */
const MODES = {
  [MODERN]: { mode: { pin: MODERN }, speaks: MODERN, before: ["server/discover"] },
  auto: { mode: "auto", speaks: MODERN, before: ["server/discover"] },
  "2025-11-25": {
    mode: "legacy",
    speaks: "2025-11-25",
    before: ["initialize", "notifications/initialized", "GET"],
  },
} as const;

/** A client of the SDK for MCP 2026-07-28, and what it sends. */
async function connect({ url }: Pick<TestBus, "url">, name: keyof typeof MODES) {
  const sent: string[] = [];
  const recording = async (input: string | URL, init?: RequestInit) => {
    sent.push(typeof init?.body === "string" ? JSON.parse(init.body).method : String(init?.method));
    return fetch(input, init);
  };
  const { mode } = MODES[name];
  const client = new Client({ name: "test", version: "1" }, { versionNegotiation: { mode } });
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { fetch: recording }));
  return { client, sent };
}

const NOTE = { event_type: "note", payload: "grün" };

describe.each(Object.keys(MODES) as (keyof typeof MODES)[])("a client (%s)", (name) => {
  const { speaks, before } = MODES[name];

  test("lists the tools, reads the guide, calls, and is refused by the same sentences", async () => {
    const bus = await startHere();
    const { client, sent } = await connect(bus, name);
    const { tools } = await client.listTools();
    expect(tools.map((tool) => tool.name)).toEqual(
      operations.filter(({ listed }) => listed === undefined).map((operation) => operation.name),
    );
    expect(client.getNegotiatedProtocolVersion()).toBe(speaks);
    expect(client.getInstructions()).toContain("register_session once");
    const guide = await client.readResource({ uri: "agent-event-bus://guide" });
    expect(JSON.stringify(guide.contents)).toContain("Event bus guide");
    const called = await client.callTool({ name: "publish_event", arguments: NOTE });
    expect(called.structuredContent).toMatchObject({ event_id: 1, payload: "grün" });
    const refused = await client.callTool({ name: "get_events", arguments: { limit: "seven" } });
    expect(JSON.stringify(refused)).toContain("limit must be a whole number");
    await expect(client.callTool({ name: "no_such_tool", arguments: {} })).rejects.toThrow("Unknown tool");
    await expect(client.readResource({ uri: "agent-event-bus://none" })).rejects.toThrow("not found");
    expect(sent.slice(0, sent.indexOf("tools/list"))).toEqual([...before]);
    await client.close();
  });

  test("goes on after the bus was killed and started again, and nothing was stored twice", async () => {
    const bus = await startBus("binary");
    const { client } = await connect(bus, name);
    const publish = (payload: string) =>
      client.callTool({ name: "publish_event", arguments: { event_type: "note", payload } });
    await publish("before");
    await bus.kill();
    await expect(publish("meanwhile")).rejects.toThrow();
    const next = await startBus("binary", { folder: bus.folder, port: bus.port });
    await publish("after");
    const { events } = await next.call("get_events", { order: "asc" });
    expect(events.map(({ payload }: { payload: string }) => payload)).toEqual(["before", "after"]);
    await client.close();
  });
});

test("a client that listens is told of a message, and again after a restart of the bus", async () => {
  const bus = await startBus("binary");
  const { session_id } = await bus.call("register_session", { name: fresh("agent") });
  const uri = inboxOf(session_id);
  const { client } = await connect(bus, MODERN);
  const told: string[] = [];
  client.setNotificationHandler("notifications/resources/updated", ({ params }) => {
    told.push(params.uri);
  });
  const send = (to: TestBus) => to.call("publish_event", { ...NOTE, channel: `session:${session_id}` });
  const first = await client.listen({ resourceSubscriptions: [uri] });
  expect(first.honoredFilter).toEqual({ resourceSubscriptions: [uri] });
  await send(bus);
  await eventually("it is told", () => told.length > 0);
  await bus.kill();
  expect(await first.closed).toBe("remote");
  const next = await startBus("binary", { folder: bus.folder, port: bus.port });
  await client.listen({ resourceSubscriptions: [uri] });
  await send(next);
  await eventually("it is told again", () => told.length > 1);
  expect(told).toEqual([uri, uri]);
  const { contents } = await client.readResource({ uri });
  expect(JSON.parse((contents[0] as { text: string }).text).unread).toBe(2);
  await client.close();
});

test("a client that listens is told by a result that the bus stops", async () => {
  const bus = await startBus("binary");
  const { session_id } = await bus.call("register_session", { name: fresh("agent") });
  const { client } = await connect(bus, MODERN);
  const stream = await client.listen({ resourceSubscriptions: [inboxOf(session_id)] });
  expect(await bus.stop()).toBe(0);
  expect(await stream.closed).toBe("graceful");
  await client.close();
});
