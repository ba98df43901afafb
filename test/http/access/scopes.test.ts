import { beforeEach, describe, expect, test } from "bun:test";
import { SCOPES, type Scope } from "../../../src/domain/caller.ts";
import { operations } from "../../../src/operations/index.ts";
import { fresh, join, newest, publish } from "../../support/agent.ts";
import { startHere } from "../../support/bus.ts";
import { bearer, tokenFor } from "../../support/callers.ts";
import { contents, rowsOf } from "../../support/original.ts";
import { rpc, rpcTool } from "../../support/rpc.ts";
import { change } from "../../support/webhook.ts";

/** Every tool with arguments that would change something, where it can. */
const CALLS: Record<string, Record<string, unknown>> = {
  register_session: { name: "intruder" },
  list_sessions: {},
  list_channels: {},
  publish_event: { event_type: "note", payload: "hello" },
  get_events: { limit: 1 },
  ack_events: { session_id: "target", cursor: "0", allow_rewind: true },
  ask: { to: "target", payload: "anyone?", wait_seconds: 0 },
  reply: { event_id: 1, payload: "yes", session_id: "target" },
  get_delivery: { event_id: 1 },
  read_inbox: {},
  list_needs: { all: true },
  summarize: { client_id: "target" },
  unregister_session: { session_id: "target" },
  set_attention: { session: "target", wake: "all" },
  notify: { title: "t", message: "m" },
  register_webhook: { url: "https://example.com/" },
  list_webhooks: {},
  set_webhook_active: { webhook_id: 1, active: false },
  rotate_webhook_secret: { webhook_id: 1 },
  test_webhook: { webhook_id: 1 },
  list_deliveries: {},
  redeliver_webhook: { webhook_id: 1, since: 1 },
  unregister_webhook: { webhook_id: 1 },
};

/** What each scope is a promise of: a declaration that says otherwise is a mistake, or has to be changed here too. */
const COVERED: Record<Scope, readonly string[]> = {
  full: Object.keys(CALLS),
  publish: ["publish_event"],
  read: ["list_sessions", "list_channels", "get_events", "get_delivery", "list_needs", "summarize"],
  answer: ["list_sessions", "list_channels", "get_events", "get_delivery", "list_needs", "summarize"],
};

let time = Date.now();
const bus = await startHere({ now: () => time, lookup: async () => ["93.184.216.34"] });
await bus.call("register_webhook", { url: "http://127.0.0.1:9/", event_types: ["of-nobody"] });
await bus.call("register_session", { name: "target", client_id: "target" });
const headers = Object.fromEntries(
  SCOPES.map((scope) => [scope, bearer(tokenFor(bus.db, `${scope}-token`, scope))]),
) as Record<Scope, Record<string, string>>;

const READING = ["read", "answer"] as const;

const cases = (covered: boolean) =>
  SCOPES.flatMap((scope) => Object.keys(CALLS).map((tool) => ({ scope, tool }))).filter(
    ({ scope, tool }) => COVERED[scope].includes(tool) === covered,
  );

test("the tools of this file are all there are", () => {
  const tools = operations.filter(({ tool }) => tool !== false);
  expect(tools.map(({ name }) => name)).toEqual(Object.keys(CALLS));
});

describe("beyond its scope", () => {
  test.each(cases(false))(
    "a $scope token gets 403 for $tool, and nothing changes",
    async ({ scope, tool }) => {
      const before = contents(bus.db);
      for (const id of [7, "call-7"]) {
        const answer = await rpcTool(bus.url, tool, CALLS[tool], headers[scope], id);
        expect(answer.status).toBe(403);
        expect(answer.headers.get("www-authenticate")).toBe(
          'Bearer realm="agent-event-bus", error="insufficient_scope"',
        );
        const sentence = `The token ${scope}-token has the scope ${scope}, which does not allow ${tool}. Use a token with the scope `;
        const error = { code: -32000, message: expect.stringContaining(sentence) };
        expect(answer.message).toEqual({ jsonrpc: "2.0", id, error });
      }
      expect(contents(bus.db)).toEqual(before);
    },
  );

  test("the sentence names the narrowest scope that would do", async () => {
    const needed = async (scope: Scope, tool: string) =>
      /the scope (\w+)\.$/.exec(
        (await rpcTool(bus.url, tool, {}, headers[scope])).message.error.message,
      )?.[1];
    expect(await needed("read", "publish_event")).toBe("publish");
    expect(await needed("publish", "get_events")).toBe("read");
    expect(await needed("read", "ack_events")).toBe("full");
    expect(await needed("publish", "get_delivery")).toBe("read");
    expect(await needed("publish", "ask")).toBe("full");
    expect(await needed("publish", "reply")).toBe("full");
  });
});

describe("what hooks call", () => {
  const needs = { client_id: "target", machine: undefined };
  const calls: [string, Record<string, unknown>][] = [
    ["start_session", { ...needs, name: "n", cwd: "/", repo: "r" }],
    ["collect_events", { ...needs, path: "tool" }],
    ["confirm_events", { ...needs, event_ids: [] }],
  ];

  test.each(calls)("%s takes a full token, for it acts as the session it names", async (tool, args) => {
    for (const scope of ["publish", "read", "answer"] as const)
      expect((await rpcTool(bus.url, tool, args, headers[scope])).status).toBe(403);
    const { status, message } = await rpcTool(bus.url, tool, args, headers.full);
    expect([status, message.result.isError]).toEqual([200, undefined]);
    expect(message.result.structuredContent.session_id).toBe("target");
  });
});

describe("within its scope", () => {
  test.each(cases(true))("a $scope token may call $tool", async ({ scope, tool }) => {
    const { status, message } = await rpcTool(bus.url, tool, CALLS[tool], headers[scope]);
    expect([status, message.error, message.result.isError]).toEqual([200, undefined, undefined]);
  });

  test.each([...SCOPES])("tools/list shows a %s token what it may call, and no more", async (scope) => {
    const { message } = await rpc(bus.url, { jsonrpc: "2.0", id: 1, method: "tools/list" }, headers[scope]);
    const names = message.result.tools.map(({ name }: { name: string }) => name);
    const listed = operations.filter((one) => one.listed === undefined).map(({ name }) => name);
    expect(names).toEqual(listed.filter((name) => COVERED[scope].includes(name)));
  });

  test.each([...SCOPES])("a %s token may do what is no tool", async (scope) => {
    const ask = (method: string, params?: unknown) =>
      rpc(bus.url, { jsonrpc: "2.0", id: 1, method, ...(params ? { params } : {}) }, headers[scope]);
    const hello = {
      protocolVersion: "2025-11-25",
      capabilities: {},
      clientInfo: { name: "t", version: "1" },
    };
    const opened = await ask("initialize", hello);
    expect(opened.message.result.serverInfo.name).toBe("agent-event-bus");
    expect((await ask("ping")).message.result).toEqual({});
    expect((await ask("resources/list")).message.result.resources).toHaveLength(1);
    const guide = await ask("resources/read", { uri: "agent-event-bus://guide" });
    expect(guide.message.result.contents[0].text).toContain("#");
    const own = { ...headers[scope], "mcp-session-id": opened.headers.get("mcp-session-id") ?? "" };
    const notification = { jsonrpc: "2.0", method: "notifications/initialized" };
    expect((await rpc(bus.url, notification, own)).status).toBe(202);
  });

  test.each([...SCOPES])("a %s token is told of a tool that does not exist as everyone is", async (scope) => {
    for (const tool of ["get_event", "constructor", "GET_EVENTS"]) {
      const { status, message } = await rpcTool(bus.url, tool, {}, headers[scope]);
      expect([status, message.error.code]).toEqual([200, -32602]);
    }
  });
});

/** Sessions as they are stored, once everything that calls left behind is committed. */
async function sessionsNow(): Promise<unknown> {
  await bus.call("publish_event", { event_type: "barrier", payload: "" });
  return rowsOf(bus.db, "sessions");
}

describe("a session that is read about", () => {
  let id = "";
  beforeEach(async () => {
    id = (await join(bus, { client_id: fresh("reader") })).session_id;
    for (const payload of ["one", "two"]) await publish(bus, payload);
    time += 60_000;
  });

  const reads: [what: string, args: Record<string, unknown>, reads: number][] = [
    ["the newest", {}, 2],
    ["by a cursor", { cursor: "1", order: "asc", limit: 5 }, 5],
    ["by resume", { resume: true, order: "asc" }, 2],
    ["by resume, newest first", { resume: true }, 2],
    ["by resume that says peek=false", { resume: true, order: "asc", peek: false }, 2],
    ["waiting for what is there", { resume: true, order: "asc", wait_seconds: 20 }, 2],
    ["waiting in vain", { resume: true, event_types: ["of-nobody"], wait_seconds: 1 }, 0],
    ["waiting in vain behind the tip", { cursor: "999999", wait_seconds: 1 }, 0],
  ];

  test.each(reads)(
    "moves no cursor and shows no sign of life through a read token: %s",
    async (_, args, count) => {
      const before = await sessionsNow();
      for (const scope of READING) {
        const { message } = await rpcTool(bus.url, "get_events", { session_id: id, ...args }, headers[scope]);
        const { events, error } = message.result.structuredContent;
        expect(error).toBeUndefined();
        expect(Math.min(events.length, count)).toBe(count);
      }
      expect(await sessionsNow()).toEqual(before);
    },
  );

  test("does both through a full token, with the same call", async () => {
    const before = await sessionsNow();
    const args = { session_id: id, resume: true, order: "asc" };
    await rpcTool(bus.url, "get_events", args, headers.full);
    expect(await sessionsNow()).not.toEqual(before);
    const row = rowsOf(bus.db, "sessions").find((session) => session.id === id);
    expect(Date.parse(String(row?.last_heartbeat))).toBe(time);
  });

  test("keeps having no cursor when a read token resumes a session that never had one", async () => {
    change(bus.db, `UPDATE sessions SET last_cursor = NULL WHERE id = '${id}'`);
    const before = await sessionsNow();
    for (const scope of READING)
      for (const wait_seconds of [0, 1]) {
        const args = { session_id: id, resume: true, wait_seconds };
        const { message } = await rpcTool(bus.url, "get_events", args, headers[scope]);
        expect(message.result.structuredContent).toMatchObject({ events: [], has_more: false });
      }
    expect(await sessionsNow()).toEqual(before);
  });

  test("is reached by no call of a read token that waits in its name, and by one of its own", async () => {
    const shown = async () =>
      (await bus.call("list_sessions")).result.find((one: { session_id: string }) => one.session_id === id)
        .reach;
    const wait = (scope: Scope) =>
      rpcTool(bus.url, "get_events", { session_id: id, cursor: "999999", wait_seconds: 2 }, headers[scope]);
    const through = async (scope: Scope) => {
      const seen = new Set<string>();
      let over = false;
      const waiting = wait(scope).finally(() => (over = true));
      while (!over) seen.add(await shown());
      await waiting;
      return [...seen];
    };
    expect(await through("full")).toContain("wakes");
    for (const scope of READING) expect(await through(scope)).toEqual(["polls_only"]);
  });

  test("shows no sign of life when a publish token publishes in its name, and does with a full one", async () => {
    const before = await sessionsNow();
    const args = { event_type: "note", payload: "in a name", session_id: id };
    await rpcTool(bus.url, "publish_event", args, headers.publish);
    expect(await newest(bus)).toMatchObject({ ...args, origin: "publish-token" });
    expect(await sessionsNow()).toEqual(before);
    await rpcTool(bus.url, "publish_event", args, headers.full);
    expect(await sessionsNow()).not.toEqual(before);
  });
});
