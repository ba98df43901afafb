import { expect, test } from "bun:test";
import { hostname } from "node:os";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import { SUPPORTED_PROTOCOL_VERSIONS } from "@modelcontextprotocol/sdk/types.js";
import manifest from "../../package.json" with { type: "json" };
import { operations } from "../../src/operations/index.ts";
import { fresh, publish } from "../support/agent.ts";
import type { TestBus } from "../support/bus.ts";
import { callModern, MODERN } from "../support/modern.ts";
import { post, raw } from "../support/raw.ts";
import { BOTH, callTool, rpc } from "../support/rpc.ts";

const LIST = { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "list_sessions" } };
const CALL = {
  jsonrpc: "2.0",
  id: 1,
  method: "tools/call",
  params: { name: "publish_event", arguments: { event_type: "note", payload: "two\nlines" } },
};

function initialize(protocolVersion: string) {
  const params = { protocolVersion, capabilities: {}, clientInfo: { name: "test", version: "1" } };
  return { jsonrpc: "2.0", id: 0, method: "initialize", params };
}

/** WIRE.md 1: HTTP, framing, versions, JSON-RPC. */
export function transport(target: () => TestBus): void {
  test("a single tools/call works with no initialize before it", async () => {
    const { status, message } = await rpc(target().url, LIST);
    expect(status).toBe(200);
    expect(message.result.structuredContent.result).toBeArray();
  });

  test.each(SUPPORTED_PROTOCOL_VERSIONS)("initialize speaks %s", async (version) => {
    const { message, headers } = await rpc(target().url, initialize(version));
    expect(message.result.protocolVersion).toBe(version);
    expect(message.result.serverInfo).toEqual({ name: "agent-event-bus", version: manifest.version });
    expect(Object.keys(message.result.capabilities).sort()).toEqual(["resources", "tools"]);
    expect(headers.get("mcp-session-id")).toMatch(/^[\x21-\x7e]{16,}$/);
    const call = await rpc(target().url, LIST, { "mcp-protocol-version": version });
    expect(call.status).toBe(200);
  });

  test("initialize answers an unknown version with the newest it knows", async () => {
    const { message } = await rpc(target().url, initialize("1999-01-01"));
    expect(message.result.protocolVersion).toBe("2025-11-25");
  });

  test("the probe of a client of the future gets a 400 that names the versions", async () => {
    const probe = { jsonrpc: "2.0", id: 0, method: "server/discover", params: {} };
    const { status, message } = await rpc(target().url, probe, { "mcp-protocol-version": "2099-01-01" });
    expect(status).toBe(400);
    expect(message.id).toBeNull();
    for (const version of SUPPORTED_PROTOCOL_VERSIONS) expect(message.error.message).toContain(version);
  });

  test("a request without a handshake is answered as one", async () => {
    const { status, message } = await callModern(target().url, "list_sessions");
    expect([status, message.result.resultType]).toEqual([200, "complete"]);
    expect(message.result.structuredContent.result).toBeArray();
  });

  test("a request without a handshake that lacks its envelope is refused", async () => {
    const probe = { jsonrpc: "2.0", id: 0, method: "server/discover", params: {} };
    const { status, message } = await rpc(target().url, probe, { "mcp-protocol-version": MODERN });
    expect([status, message.id, message.error.code]).toEqual([400, 0, -32602]);
  });

  test("a session id that this process never handed out is no obstacle", async () => {
    const { status } = await rpc(target().url, LIST, { "mcp-session-id": "of-the-server-before" });
    expect(status).toBe(200);
  });

  test.each([
    ["a notification", { jsonrpc: "2.0", method: "notifications/initialized" }],
    ["an unknown notification", { jsonrpc: "2.0", method: "notifications/no_such_thing", params: { a: 1 } }],
    [
      "a cancellation of nothing",
      { jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 7 } },
    ],
    ["a cancellation without params", { jsonrpc: "2.0", method: "notifications/cancelled" }],
    ["an answer of the client", { jsonrpc: "2.0", id: 5, result: {} }],
  ])("%s is accepted with 202 and no body", async (_, body) => {
    const { status, text } = await rpc(target().url, body);
    expect([status, text]).toEqual([202, ""]);
  });

  test.each(["GET", "DELETE", "PUT", "PATCH", "OPTIONS"])(
    "%s /mcp is answered 405 with Allow",
    async (method) => {
      const response = await fetch(target().url, { method, headers: { accept: "text/event-stream" } });
      expect([response.status, response.headers.get("allow")]).toEqual([405, "POST"]);
      expect(response.headers.get("access-control-allow-origin")).toBeNull();
    },
  );

  test.each([
    [BOTH, "text/event-stream"],
    ["text/event-stream, application/json;q=0.9", "text/event-stream"],
    ["text/event-stream", "text/event-stream"],
    ["application/json", "application/json"],
    ["*/*", "application/json"],
    ["application/*", "application/json"],
  ])("Accept: %s is answered as %s", async (accept, type) => {
    const { status, headers, message } = await rpc(target().url, LIST, { accept });
    expect(status).toBe(200);
    expect(headers.get("content-type")?.split(";")[0]).toBe(type);
    expect(message.result.content).toBeArray();
  });

  test("without Accept the answer is plain JSON", async () => {
    const { status, head, body } = await raw(target().port, post(JSON.stringify(LIST), { accept: null }));
    expect(status).toBe(200);
    expect(head.toLowerCase()).toContain("content-type: application/json");
    expect(body).toStartWith('{"');
  });

  test("Accept that names neither type is answered 406", async () => {
    expect((await rpc(target().url, LIST, { accept: "text/html" })).status).toBe(406);
  });

  test("an event stream holds one message on one data line", async () => {
    const { text } = await rpc(target().url, CALL);
    expect(text).toMatch(/^event: message\ndata: \{.*\}\n\n$/);
  });

  test.each([
    ["text/plain", 415],
    ["application/x-www-form-urlencoded", 415],
    ["multipart/form-data; boundary=x", 415],
    ["application/jsonp", 415],
    [null, 415],
    ["application/json; charset=utf-8", 200],
    ["APPLICATION/JSON", 200],
  ])("Content-Type: %s is answered %d", async (type, expected) => {
    const { status } = await raw(target().port, post(JSON.stringify(LIST), { "content-type": type }));
    expect(status).toBe(expected);
  });

  test.each(["a", "", "1", 0, -1, 7, Number.MAX_SAFE_INTEGER])(
    "the id %p comes back as it was sent",
    async (id) => {
      const { message } = await rpc(target().url, { ...LIST, id });
      expect(message).toMatchObject({ jsonrpc: "2.0", id });
    },
  );

  test("calls that share an id get each their own answer", async () => {
    const words = Array.from({ length: 20 }, () => fresh("word"));
    const answers = await Promise.all(
      words.map((payload) => callTool(target().url, "publish_event", { event_type: "note", payload })),
    );
    expect(answers.map((answer) => answer.structuredContent.payload)).toEqual(words);
  });

  test.each(["no/such", "tools/nothing", "constructor", "", "prompts/list"])(
    "the unknown method %p is answered -32601",
    async (method) => {
      const { message } = await rpc(target().url, { jsonrpc: "2.0", id: 3, method });
      expect(message).toMatchObject({ id: 3, error: { code: -32601 } });
      // Clients write "MCP error" before it themselves.
      expect(message.error.message).toStartWith("Unknown method ");
    },
  );

  test.each([
    ["initialize", {}],
    ["initialize", undefined],
    ["tools/list", { cursor: 5 }],
    ["resources/read", {}],
    ["resources/read", { uri: 5 }],
    ["ping", { _meta: 5 }],
    ["ping", { _meta: null }],
    ["ping", { _meta: { progressToken: {} } }],
    ["tools/call", { name: "list_sessions", _meta: { progressToken: 1.5 } }],
  ])("%s with wrong params is answered -32602 in a sentence", async (method, params) => {
    const { status, message } = await rpc(target().url, { jsonrpc: "2.0", id: 3, method, params });
    expect([status, message.id, message.error.code]).toEqual([200, 3, -32602]);
    expect(message.error.message).toMatch(/^Invalid params: [^\n]+$/);
  });

  test.each([
    ["an unknown member", { extra: 1, result: {}, error: 5 }],
    ["a task nobody offered", { params: { ...LIST.params, task: { ttl: 1000 } } }],
    ["unknown members of _meta", { params: { ...LIST.params, _meta: { "a.b/c": [1] } } }],
    ["unknown members of params", { params: { ...LIST.params, extra: 1 } }],
  ])("%s is ignored", async (_, more) => {
    const { message } = await rpc(target().url, { ...LIST, ...more });
    expect(message.result.structuredContent.result).toBeArray();
  });

  test("ping is answered with an empty result", async () => {
    expect((await rpc(target().url, { jsonrpc: "2.0", id: 3, method: "ping" })).message.result).toEqual({});
  });

  test("the client of the SDK connects, lists, calls and reads", async () => {
    const client = new Client({ name: "test", version: "1" });
    await client.connect(new StreamableHTTPClientTransport(new URL(target().url)) as Transport);
    const { tools } = await client.listTools();
    const core = operations.filter(({ listed }) => listed === undefined);
    expect(tools.map(({ name }) => name)).toEqual(core.map(({ name }) => name));
    const result = await client.callTool({ name: "register_session", arguments: { name: "sdk" } });
    expect(result.structuredContent).toMatchObject({ name: "sdk", machine: hostname(), resumed: false });
    const { contents } = await client.readResource({ uri: "agent-event-bus://guide" });
    expect(contents).toHaveLength(1);
    await client.close();
  });

  test("/health says what runs, and that without MCP", async () => {
    const before = await publish(target());
    const response = await fetch(new URL("/health", target().url));
    const health = (await response.json()) as Record<string, unknown>;
    expect(response.status).toBe(200);
    expect(Object.keys(health)).toEqual(["status", "service", "version", "uptime_seconds"]);
    expect(health).toMatchObject({ status: "ok", service: "agent-event-bus", version: manifest.version });
    expect(health.uptime_seconds).toBeWithin(0, 600);
    expect(await publish(target())).toBe(before + 1);
  });

  test.each(["/mcpx", "/health/x", "/sse", "/favicon.ico"])("%s is answered 404", async (path) => {
    expect((await fetch(new URL(path, target().url))).status).toBe(404);
  });
}
