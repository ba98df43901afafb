import { expect, test } from "bun:test";
import { isRequired, type Params } from "../../src/lib/param.ts";
import { operations } from "../../src/operations/index.ts";
import { fresh, join, problem, publish, stored } from "../support/agent.ts";
import type { TestBus } from "../support/bus.ts";
import { callTool, rpc } from "../support/rpc.ts";

/** WIRE.md 3 and 12, the core list: `?` = optional, `=` = default; one that is false is not shown. */
const TABLE: Record<string, string> = {
  register_session: "name, machine?, cwd?, client_id?, repo?, claim?",
  list_sessions: "",
  list_channels: "",
  publish_event:
    "event_type, payload, session_id?, channel?=all, title?, tags?, correlation_id?, signal_level?",
  get_events:
    "cursor?, limit?=50, session_id?, order?=desc, channel?, resume?, event_types?, peek?, correlation_id?, min_level?, wait_seconds?, text?, event_id?",
  ack_events: "session_id, cursor, allow_rewind?",
  ask: "to, payload, session_id?, wait_seconds?=300",
  reply: "event_id, payload, session_id?",
  get_delivery: "event_id, wait_seconds?",
  unregister_session: "session_id?, client_id?, machine?",
  notify: "title, message, sound?",
  register_webhook: "url, channel?, event_types?, secret?, ordered?",
  list_webhooks: "active_only?=true",
  set_webhook_active: "webhook_id, active, since?",
  unregister_webhook: "webhook_id",
};

function paramsOf(tool: string): Params {
  return operations.find((operation) => operation.name === tool)?.params ?? {};
}

const LISTS = ["list_sessions", "list_channels", "list_webhooks", "list_deliveries"];
const READS = [...LISTS, "get_delivery"];
/** Calling them again with the same arguments changes nothing more. */
const REPEATABLE = ["ack_events", "unregister_session", "set_webhook_active", "unregister_webhook"];
/** What a client assumes of a tool that says nothing (MCP, ToolAnnotations). */
const ASSUMED = { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: true };

/** Arguments with which each tool does something, or refuses as its contract says. */
const WORKING: Record<string, Record<string, unknown>> = {
  register_session: { name: "tester" },
  publish_event: { event_type: "note", payload: "hello" },
  ack_events: { session_id: "nobody", cursor: "1" },
  ask: { to: "nobody", payload: "anyone?" },
  reply: { event_id: 1, payload: "yes" },
  get_delivery: { event_id: 1 },
  notify: { title: "t", message: "m" },
  register_webhook: { url: "http://127.0.0.1:9/" },
  set_webhook_active: { webhook_id: 999_999, active: true },
  unregister_webhook: { webhook_id: 999_999 },
  rotate_webhook_secret: { webhook_id: 999_999 },
  test_webhook: { webhook_id: 999_999 },
  redeliver_webhook: { webhook_id: 999_999, dead: true },
  set_attention: { session: "nobody" },
};

interface Tool {
  name: string;
  description: string;
  inputSchema: {
    properties: Record<string, { description: string; default?: unknown }>;
    required?: string[];
  };
  annotations: Record<string, boolean>;
}

async function listed(bus: TestBus): Promise<Tool[]> {
  return (await rpc(bus.url, { jsonrpc: "2.0", id: 1, method: "tools/list" })).message.result.tools;
}

function rowOf({ inputSchema: { properties, required = [] } }: Tool): string {
  const cells = Object.entries(properties).map(([name, property]) => {
    const fallback = property.default === undefined ? "" : `=${property.default}`;
    return `${name}${required.includes(name) ? "" : "?"}${fallback}`;
  });
  return cells.sort().join(", ");
}

/** WIRE.md 1 and 3: what tools there are, how their answers look, the guide. */
export function tools(target: () => TestBus): void {
  test("tools/list names every tool of the contract, with its arguments and defaults", async () => {
    const rows = (await listed(target())).map((tool) => [tool.name, rowOf(tool)]);
    const sorted = Object.entries(TABLE).map(([name, row]) => [name, row.split(", ").sort().join(", ")]);
    expect(Object.fromEntries(rows)).toEqual(Object.fromEntries(sorted));
  });

  test("tools/list costs a session at most 6500 bytes and is the same each time", async () => {
    const request = { jsonrpc: "2.0", id: 1, method: "tools/list" };
    const { text } = await rpc(target().url, request, { accept: "application/json" });
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(6500);
    expect((await rpc(target().url, request, { accept: "application/json" })).text).toBe(text);
  });

  test("every tool and argument is described in one short line", async () => {
    for (const { description, inputSchema } of await listed(target()))
      for (const line of [description, ...Object.values(inputSchema.properties).map((p) => p.description)]) {
        expect(line).toMatch(/^\S.{2,}$/);
        expect(line.length).toBeLessThan(120);
      }
  });

  test("annotations say what reads, what destroys and what may be repeated", async () => {
    for (const { name, annotations } of await listed(target())) {
      const { readOnlyHint, destructiveHint, ...others } = { ...ASSUMED, ...annotations };
      expect([name, readOnlyHint]).toEqual([name, READS.includes(name)]);
      // Of a tool that only reads it means nothing.
      expect([name, !readOnlyHint && destructiveHint]).toEqual([name, name === "unregister_webhook"]);
      const idempotentHint = REPEATABLE.includes(name);
      expect([name, others]).toEqual([name, { idempotentHint, openWorldHint: true }]);
    }
  });

  test("an annotation that says what a client assumes anyway is left out", async () => {
    for (const { name, annotations } of await listed(target()))
      for (const [hint, value] of Object.entries(annotations))
        expect([name, hint, value]).not.toEqual([name, hint, ASSUMED[hint as keyof typeof ASSUMED]]);
  });

  test("an object comes as structured content and as the same JSON in one text block", async () => {
    const { structuredContent, content, isError } = await callTool(target().url, "register_session", {
      name: "tester",
    });
    expect(content).toHaveLength(1);
    expect(content[0].type).toBe("text");
    expect(JSON.parse(content[0].text)).toEqual(structuredContent);
    expect(isError).toBeUndefined();
  });

  test.each(LISTS)(
    "%s answers a list: under `result` in the structured content, bare in the text",
    async (name) => {
      await join(target());
      const hook = { url: "http://127.0.0.1:9/", event_types: ["never"] };
      const { webhook_id } = await target().call("register_webhook", hook);
      const event_id = await publish(target());
      await target().call("redeliver_webhook", { webhook_id, event_id });
      const { structuredContent, content } = await callTool(target().url, name);
      expect(Object.keys(structuredContent)).toEqual(["result"]);
      expect(structuredContent.result.length).toBeGreaterThan(0);
      expect(JSON.parse(content[0].text)).toEqual(structuredContent.result);
    },
  );

  test.each([
    ["ack_events", "an unknown session", { session_id: "nobody", cursor: "1" }],
    ["get_events", "an unknown session", { session_id: "nobody", resume: true }],
    ["ask", "nobody", { to: "nobody", payload: "anyone?" }],
    ["reply", "an event that is not there", { event_id: 999_999_999, payload: "yes" }],
    ["get_delivery", "an event that is not there", { event_id: 999_999_999 }],
    ["unregister_session", "an unknown session", { session_id: "nobody" }],
    ["unregister_session", "no id", {}],
    ["set_webhook_active", "an unknown webhook", { webhook_id: 999_999, active: true }],
    ["unregister_webhook", "an unknown webhook", { webhook_id: 999_999 }],
    ["rotate_webhook_secret", "an unknown webhook", { webhook_id: 999_999 }],
    ["test_webhook", "an unknown webhook", { webhook_id: 999_999 }],
    ["redeliver_webhook", "an unknown webhook", { webhook_id: 999_999, dead: true }],
  ])("%s refuses %s in an ordinary result with `error`", async (name, _, args) => {
    const { isError, structuredContent, content } = await callTool(target().url, name, args);
    expect(isError).toBeUndefined();
    expect(structuredContent.error).toBeString();
    expect(JSON.parse(content[0].text)).toEqual(structuredContent);
  });

  for (const name of ["nope", "constructor", "__proto__", "toString", "", "Publish_event", 5, null, [], {}])
    test(`the unknown tool ${JSON.stringify(name)} is answered -32602`, async () => {
      const params = { name, arguments: {} };
      const { status, message } = await rpc(target().url, {
        jsonrpc: "2.0",
        id: 1,
        method: "tools/call",
        params,
      });
      expect(status).toBe(200);
      expect(message.error.code).toBe(-32602);
      expect(message.error.message).toStartWith("Unknown tool: ");
    });

  test("a call without params is answered -32602", async () => {
    const { message } = await rpc(target().url, { jsonrpc: "2.0", id: 1, method: "tools/call" });
    expect(message.error.code).toBe(-32602);
  });

  test.each(operations.map((operation) => operation.name))(
    "%s takes null for absent, and ignores what it does not know",
    async (name) => {
      const params = paramsOf(name);
      const absent = Object.entries(params).filter(([, param]) => !isRequired(param));
      const args = { ...Object.fromEntries(absent.map(([key]) => [key, null])), ...WORKING[name] };
      for (const given of [args, { ...args, [fresh("extra")]: { a: [1] }, constructor: 1 }]) {
        const { isError, content } = await callTool(target().url, name, given);
        expect([isError, content[0].text.includes("unexpected")]).toEqual([undefined, false]);
      }
    },
  );

  test.each(Object.keys(WORKING))("%s names the arguments it misses", async (name) => {
    const before = stored(target());
    const params = paramsOf(name);
    const required = Object.keys(params).filter(
      (key) => params[key] !== undefined && isRequired(params[key]),
    );
    for (const args of [{}, undefined, null, Object.fromEntries(required.map((key) => [key, null]))]) {
      const text = await problem(target(), name, args);
      for (const key of required) expect(text).toContain(`${key} is required`);
    }
    expect(stored(target())).toEqual(before);
  });

  test("the guide is one Markdown resource that a context has room for and that names every tool", async () => {
    const list = await rpc(target().url, { jsonrpc: "2.0", id: 1, method: "resources/list" });
    expect(list.message.result.resources).toMatchObject([
      { uri: "agent-event-bus://guide", mimeType: "text/markdown" },
    ]);
    const params = { uri: "agent-event-bus://guide" };
    const { message } = await rpc(target().url, { jsonrpc: "2.0", id: 1, method: "resources/read", params });
    const [{ uri, mimeType, text }] = message.result.contents;
    expect([uri, mimeType]).toEqual([params.uri, "text/markdown"]);
    expect(text.split("\n").length).toBeLessThanOrEqual(300);
    for (const { name } of operations.filter(({ listed }) => listed !== false)) expect(text).toContain(name);
  });

  test("another resource is not found", async () => {
    const params = { uri: "agent-event-bus://other" };
    const { message } = await rpc(target().url, { jsonrpc: "2.0", id: 1, method: "resources/read", params });
    expect(message.error.code).toBe(-32002);
  });
}
