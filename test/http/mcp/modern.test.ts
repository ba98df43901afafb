import { describe, expect, test } from "bun:test";
import manifest from "../../../package.json";
import { operations } from "../../../src/operations/index.ts";
import { startHere } from "../../support/bus.ts";
import {
  askModern,
  callModern,
  MODERN,
  type ModernRequest,
  metaKey,
  modernRequest,
  sendModern,
} from "../../support/modern.ts";
import { BOTH, rpc } from "../../support/rpc.ts";

const bus = await startHere();
const SERVER = { name: "agent-event-bus", version: manifest.version };
const COMPLETE = { resultType: "complete", _meta: { [metaKey("serverInfo")]: SERVER } };
const FRESH = { cacheScope: "private", ttlMs: expect.any(Number) };

describe("without a handshake", () => {
  test("server/discover tells the version, what the bus can do and how to use it", async () => {
    const { status, message } = await askModern(bus.url, "server/discover");
    expect(status).toBe(200);
    expect(message.result).toMatchObject({ ...COMPLETE, ...FRESH, supportedVersions: [MODERN] });
    expect(message.result.capabilities).toEqual({ tools: {}, resources: { subscribe: true } });
    const { message: old } = await rpc(bus.url, {
      ...{ jsonrpc: "2.0", id: 1, method: "initialize" },
      params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "t", version: "1" } },
    });
    expect(message.result.instructions).toBe(old.result.instructions);
  });

  test("tools/list lists the tools of the other revisions", async () => {
    const { message } = await askModern(bus.url, "tools/list");
    const { message: old } = await rpc(bus.url, { jsonrpc: "2.0", id: 1, method: "tools/list" });
    expect(message.result).toMatchObject({ ...COMPLETE, ...FRESH, tools: old.result.tools });
  });

  test("the guide is listed and read", async () => {
    const { message: list } = await askModern(bus.url, "resources/list");
    expect(list.result).toMatchObject({ ...COMPLETE, ...FRESH });
    const [{ uri }] = list.result.resources;
    const { message } = await askModern(bus.url, "resources/read", { uri });
    expect(message.result).toMatchObject({ ...COMPLETE, ...FRESH });
    expect(message.result.contents[0]).toMatchObject({ uri, mimeType: "text/markdown" });
  });

  test("a call has the result of the other revisions, and says that it is complete", async () => {
    const args = { event_type: "note", payload: "grün" };
    const { status, message } = await callModern(bus.url, "publish_event", args);
    expect([status, message.id]).toEqual([200, 1]);
    expect(message.result).toMatchObject({ ...COMPLETE, structuredContent: { event_type: "note" } });
    expect(JSON.parse(message.result.content[0].text)).toEqual(message.result.structuredContent);
  });

  test("pages of events are complete results too, however often they are read", async () => {
    for (let i = 0; i < 3; i++) {
      const { message } = await callModern(bus.url, "get_events", { limit: 5 });
      expect(message.result).toMatchObject(COMPLETE);
      expect(message.result.structuredContent.events[0].payload).toBe("grün");
    }
  });

  test("a call that fails is a result, one of an unknown tool an error", async () => {
    const failed = await callModern(bus.url, "test_webhook", { webhook_id: "x" });
    expect(failed.message.result).toMatchObject({ ...COMPLETE, isError: true });
    const unknown = await callModern(bus.url, "no_such_tool");
    expect([unknown.status, unknown.message.error.code]).toEqual([200, -32602]);
  });

  test("the stream of a call that waits has no event ids, which this revision has not", async () => {
    const wait = { wait_seconds: 60, cursor: "99" };
    const { body, headers } = modernRequest("tools/call", { name: "get_events", arguments: wait });
    const response = await fetch(bus.url, {
      ...{ method: "POST", body: JSON.stringify(body) },
      headers: { "content-type": "application/json", accept: BOTH, ...headers },
    });
    const reader = response.body?.getReader();
    expect(new TextDecoder().decode((await reader?.read())?.value)).toBe(": still running\n\n");
    await reader?.cancel();
  });

  test("there is no stream to resume", async () => {
    const headers = { accept: "text/event-stream", "last-event-id": "7", "mcp-protocol-version": MODERN };
    expect((await fetch(bus.url, { headers })).status).toBe(405);
  });
});

type Change = (request: ModernRequest) => void;
interface Bad {
  change: Change;
  method?: string;
  status?: number;
  code: number;
  says: RegExp;
}

const meta = ({ body }: ModernRequest) => body.params._meta as Record<string, unknown>;
const version = (request: ModernRequest, text: string) => {
  request.headers["mcp-protocol-version"] = text;
  meta(request)[metaKey("protocolVersion")] = text;
};
const header = (name: string, value: string | undefined) => (request: ModernRequest) => {
  if (value === undefined) delete request.headers[name];
  else request.headers[name] = value;
};
const field = (name: string, value: unknown) => (request: ModernRequest) => {
  meta(request)[metaKey(name)] = value;
};
const without = (name: string) => (request: ModernRequest) => {
  delete meta(request)[metaKey(name)];
};

const MISMATCH = -32020;
const VERSION = -32022;
const PARAMS = -32602;
const REQUESTS: Record<string, Bad> = {
  "no version in a header": {
    change: header("mcp-protocol-version", undefined),
    ...{ code: MISMATCH, says: /MCP-Protocol-Version is missing/ },
  },
  "another version in the header": {
    change: header("mcp-protocol-version", "2025-11-25"),
    ...{ code: MISMATCH, says: /MCP-Protocol-Version .*2025-11-25.*2026-07-28/ },
  },
  "two versions in headers": {
    change: header("mcp-protocol-version", `${MODERN}, ${MODERN}`),
    ...{ code: MISMATCH, says: /MCP-Protocol-Version/ },
  },
  "another version in the body": {
    change: field("protocolVersion", "2025-11-25"),
    ...{ code: MISMATCH, says: /MCP-Protocol-Version/ },
  },
  "a version of the future": {
    change: (request) => version(request, "2099-01-01"),
    ...{ code: VERSION, says: /2099-01-01.*2026-07-28/ },
  },
  "an older version in the new form": {
    change: (request) => version(request, "2025-11-25"),
    ...{ code: VERSION, says: /2025-11-25.*2026-07-28/ },
  },
  "no method in a header": {
    change: header("mcp-method", undefined),
    ...{ code: MISMATCH, says: /Mcp-Method is missing/ },
  },
  "another method in the header": {
    change: header("mcp-method", "tools/list"),
    ...{ code: MISMATCH, says: /Mcp-Method/ },
  },
  "a method in other letters": {
    change: header("mcp-method", "TOOLS/CALL"),
    ...{ code: MISMATCH, says: /Mcp-Method/ },
  },
  "no name in a header": {
    change: header("mcp-name", undefined),
    ...{ code: MISMATCH, says: /Mcp-Name is missing/ },
  },
  "another name in the header": {
    change: header("mcp-name", "list_sessions"),
    ...{ code: MISMATCH, says: /Mcp-Name/ },
  },
  "a name in the header alone": {
    change: ({ body }) => delete body.params.name,
    ...{ code: MISMATCH, says: /Mcp-Name/ },
  },
  "a name that is not Base64": {
    change: header("mcp-name", "=?base64?%%%?="),
    ...{ code: MISMATCH, says: /Mcp-Name/ },
  },
  "a name that is not UTF-8": {
    change: header("mcp-name", `=?base64?${Buffer.from([0xff]).toString("base64")}?=`),
    ...{ code: MISMATCH, says: /Mcp-Name/ },
  },
  "no _meta": {
    change: ({ body }) => delete body.params._meta,
    ...{ code: PARAMS, says: /_meta.*protocolVersion/ },
  },
  "a _meta that is a list": {
    change: ({ body }) => {
      body.params._meta = [];
    },
    ...{ code: PARAMS, says: /_meta/ },
  },
  "no version in _meta": { change: without("protocolVersion"), code: PARAMS, says: /protocolVersion/ },
  "a version that is a number": {
    change: field("protocolVersion", 2026),
    ...{ code: PARAMS, says: /protocolVersion/ },
  },
  "no capabilities": { change: without("clientCapabilities"), code: PARAMS, says: /clientCapabilities/ },
  "capabilities that are a list": {
    change: field("clientCapabilities", []),
    ...{ code: PARAMS, says: /clientCapabilities/ },
  },
  "a client without a name": { change: field("clientInfo", {}), code: PARAMS, says: /clientInfo/ },
  "a progress token that is an object": {
    change: (request) => {
      meta(request).progressToken = {};
    },
    ...{ code: PARAMS, says: /progressToken/ },
  },
  "a huge _meta": {
    change: (request) => {
      meta(request).more = "x".repeat(8_000_000);
    },
    ...{ status: 413, code: -32600, says: /larger than/ },
  },
  "a deep _meta": {
    change: (request) => {
      let deep: unknown = 1;
      for (let i = 0; i < 1_000; i++) deep = [deep];
      meta(request).more = deep;
    },
    ...{ code: -32600, says: /levels of nesting/ },
  },
  "many keys in _meta": {
    change: (request) => {
      for (let i = 0; i < 200_000; i++) meta(request)[`k${i}`] = 0;
    },
    ...{ code: -32600, says: /values/ },
  },
  "a removed method": { method: "initialize", change() {}, status: 404, code: -32601, says: /initialize/ },
  ping: { method: "ping", change() {}, status: 404, code: -32601, says: /ping/ },
  "a member of every object": {
    ...{ method: "constructor", change() {}, status: 404, code: -32601, says: /constructor/ },
  },
};

/** Refused before the body is read as a message, so that its id is not known. */
const UNREAD = /a huge|a deep|many keys/;

describe("a request that does not fit is refused by a typed error, and nothing is stored:", () => {
  test.each(Object.entries(REQUESTS))("%s", async (what, bad) => {
    const { change, method = "tools/call", status = 400, code, says } = bad;
    const args = { event_type: "hostile", payload: what };
    const params = method === "tools/call" ? { name: "publish_event", arguments: args } : args;
    const request = modernRequest(method, params, 77);
    change(request);
    const answer = await sendModern(bus.url, request);
    expect([answer.status, answer.message.error.code]).toEqual([status, code]);
    expect(answer.message.error.message).toMatch(says);
    expect(answer.message.error.message.length).toBeLessThan(400);
    expect(answer.message.id).toBe(UNREAD.test(what) ? null : 77);
    expect((await bus.call("get_events", { event_types: ["hostile"] })).events).toEqual([]);
  });

  test("an unsupported version is told with those that the bus speaks", async () => {
    const request = modernRequest("server/discover");
    version(request, "2099-01-01");
    const { message } = await sendModern(bus.url, request);
    expect(message.error.data).toEqual({ supported: [MODERN], requested: "2099-01-01" });
  });

  test("a long text of a client is cut in the refusal", async () => {
    const request = modernRequest("x".repeat(5_000));
    expect((await sendModern(bus.url, request)).message.error.message.length).toBeLessThan(200);
  });
});

test("a name outside of ASCII comes in Base64, and is read", async () => {
  const uri = "agent-event-bus://grün";
  const request = modernRequest("resources/read", { uri });
  request.headers["mcp-name"] = `=?base64?${Buffer.from(uri).toString("base64")}?=`;
  const { status, message } = await sendModern(bus.url, request);
  expect([status, message.error.code, message.error.data]).toEqual([200, -32602, { uri }]);
});

test("a client without clientInfo is served, and so is one with unknown keys in _meta", async () => {
  const request = modernRequest("server/discover");
  without("clientInfo")(request);
  meta(request)["com.example/trace"] = { deep: [1, 2] };
  expect((await sendModern(bus.url, request)).status).toBe(200);
});

test("a tool that is not listed can be called here too, one of our own programs cannot", async () => {
  expect((await callModern(bus.url, "list_deliveries")).message.result.structuredContent).toEqual({
    result: [],
  });
  const hidden = operations.filter(({ listed }) => listed === "all").map(({ name }) => name);
  expect(hidden).toContain("list_deliveries");
  expect((await callModern(bus.url, "answer")).message.error.code).toBe(-32602);
});
