import { describe, expect, test } from "bun:test";
import { limitVariable } from "../../../src/config/server.ts";
import { LIMITS, type LimitName } from "../../../src/domain/limits.ts";
import { isRequired, type Param } from "../../../src/lib/param.ts";
import { operations } from "../../../src/operations/index.ts";
import type { Operation } from "../../../src/operations/operation.ts";
import { newest, stored } from "../../support/agent.ts";
import { startHere } from "../../support/bus.ts";
import { cli } from "../../support/cli.ts";
import { tempFolder } from "../../support/folder.ts";
import { DEFAULT_LIMITS } from "../../support/limits.ts";
import { rpc, rpcTool } from "../../support/rpc.ts";
import { change } from "../../support/webhook.ts";

/** Small bounds, each another number, so that a mix-up of two shows. */
const SMALL: Partial<Record<LimitName, number>> = {
  payload_bytes: 40,
  title_bytes: 12,
  tags: 3,
  tag_bytes: 5,
  event_type_bytes: 14,
  channel_bytes: 18,
  correlation_bytes: 16,
  name_bytes: 15,
  id_bytes: 17,
  machine_bytes: 19,
  cwd_bytes: 21,
  message_bytes: 23,
  url_bytes: 33,
  secret_bytes: 13,
  event_types: 4,
  events_per_read: 6,
  wait_seconds: 2,
  json_depth: 9,
};
const small = (name: LimitName) => SMALL[name] ?? DEFAULT_LIMITS[name];
const env = Object.fromEntries(
  Object.entries(SMALL).map(([name, value]) => [limitVariable(name as LimitName), String(value)]),
);
const bus = await startHere({ env, lookup: async () => ["93.184.216.34"] });

/** That many bytes of UTF-8 in fewer characters, where the parameter may hold any. */
function sized(name: string, bytes: number): string {
  if (name === "url") return `${URL_START}${sized("", bytes - URL_START.length)}`;
  if (name === "secret") return "s".repeat(bytes);
  return "🦖".repeat(Math.floor(bytes / 4)) + "x".repeat(bytes % 4);
}

const URL_START = "http://x.test/";

interface Bounded {
  tool: string;
  argument: string;
  limit: LimitName;
  /** A value of that size in the limit's unit. */
  value(size: number): unknown;
  says: RegExp;
}

function boundsOf(operation: Operation): Bounded[] {
  return Object.entries(operation.params).flatMap(([argument, param]) =>
    boundsOfParam(operation, argument, param),
  );
}

function boundsOfParam({ name: tool }: Operation, argument: string, param: Param): Bounded[] {
  const named = (bound: unknown): bound is LimitName => typeof bound === "string";
  const bounds: Bounded[] = [];
  if (param.type === "text" && named(param.max))
    bounds.push({
      ...{ tool, argument, limit: param.max, value: (size: number) => sized(argument, size) },
      says: /must be at most (\d+) bytes of UTF-8 \(limit (\w+)\)/,
    });
  if (param.type === "integer" && named(param.max) && param.clamped !== true)
    bounds.push({
      ...{ tool, argument, limit: param.max, value: (size: number) => size },
      says: /must be at most (\d+) \(limit (\w+)\)/,
    });
  if (param.type === "list" && named(param.max))
    bounds.push({
      ...{
        tool,
        argument,
        limit: param.max,
        value: (size: number) => Array.from({ length: size }, () => "x"),
      },
      says: /must have at most (\d+) items \(limit (\w+)\)/,
    });
  if (param.type === "list" && named(param.each))
    bounds.push({
      ...{ tool, argument, limit: param.each, value: (size: number) => ["x", sized(argument, size)] },
      says: /\[1\] must be at most (\d+) bytes of UTF-8 \(limit (\w+)\)/,
    });
  return bounds;
}

const BOUNDED = operations.flatMap(boundsOf);

function argumentsFor({ tool, argument, value }: Bounded, size: number): Record<string, unknown> {
  const params = operations.find(({ name }) => name === tool)?.params ?? {};
  const needed = Object.entries(params).filter(([, param]) => isRequired(param));
  const filler = (name: string, { type }: Param) =>
    name === "url" ? URL_START : type === "integer" ? 1 : type === "list" ? [] : "x";
  return {
    ...Object.fromEntries(needed.map(([name, param]) => [name, filler(name, param)])),
    [argument]: value(size),
  };
}

describe("an argument takes what its limit allows, and one more is refused by the limit's name", () => {
  test.each(BOUNDED)("$tool $argument: $limit", async (bounded) => {
    const { tool, argument, limit, says } = bounded;
    const before = stored(bus);
    const over = await rpcTool(bus.url, tool, argumentsFor(bounded, small(limit) + 1));
    expect([over.status, over.message.result.isError]).toEqual([200, true]);
    const sentence: string = over.message.result.content[0].text;
    expect(sentence).toStartWith(`${tool}: ${argument}`);
    expect(says.exec(sentence)?.slice(1)).toEqual([String(small(limit)), limit]);
    expect(stored(bus)).toEqual(before);
    const fits = await rpcTool(bus.url, tool, argumentsFor(bounded, small(limit)));
    expect(fits.message.result.content[0].text).not.toContain("(limit ");
    expect(fits.message.result.isError).toBeUndefined();
  });

  test("every limit on an argument has a row above, and each argument its own", () => {
    const rows = new Set(BOUNDED.map(({ limit }) => limit));
    const others = `body_bytes json_depth json_values sessions webhooks reply_bytes waiters calls bodies_bytes unread_bytes
      calls_per_second traffic_bytes_per_second publish_per_second publish_burst local_publish_per_second
      events_per_read arrival_bytes sources`;
    expect([...rows, ...others.split(/\s+/)].sort()).toEqual(Object.keys(LIMITS).sort());
  });

  test("tools/list tells the bounds that are set", async () => {
    const { message } = await rpc(bus.url, { jsonrpc: "2.0", id: 1, method: "tools/list" });
    const { inputSchema } = message.result.tools.find(({ name }: { name: string }) => name === "get_events");
    expect(inputSchema.properties.limit.maximum).toBe(6);
    expect(inputSchema.properties.wait_seconds.maximum).toBe(2);
  });
});

test("a text at its limit is kept to the last byte", async () => {
  const event = {
    event_type: sized("", small("event_type_bytes")),
    payload: sized("", small("payload_bytes")),
    title: sized("", small("title_bytes")),
    tags: Array.from({ length: small("tags") }, () => sized("", small("tag_bytes"))),
    channel: sized("", small("channel_bytes")),
    correlation_id: sized("", small("correlation_bytes")),
    session_id: sized("", small("id_bytes")),
  };
  await bus.call("publish_event", event);
  expect(await newest(bus)).toMatchObject(event);
});

test("a lone surrogate counts as the three bytes that are kept of it", async () => {
  const title = (count: number) => ({ event_type: "t", payload: "p", title: "\ud800".repeat(count) });
  expect((await rpcTool(bus.url, "publish_event", title(4))).message.result.isError).toBeUndefined();
  expect((await newest(bus)).title).toBe("\ufffd".repeat(4));
  expect((await rpcTool(bus.url, "publish_event", title(5))).message.result.isError).toBe(true);
});

/** A ping with that many levels of nesting, the message and its params among them. */
function nested(levels: number, [open, close] = ["[", "]"]): string {
  const deep = open.repeat(levels - 2) + close.repeat(levels - 2);
  return `{"jsonrpc":"2.0","id":5,"method":"ping","params":{"x":${deep}}}`;
}

test("json_depth: as many levels as it allows, in lists and in objects, and no more", async () => {
  const objects: [string, string] = ['{"a":', "}"];
  const inObjects = (levels: number) => nested(levels, objects).replace('{"a":}', "{}");
  for (const text of [nested(9), inObjects(9)]) expect((await rpc(bus.url, text)).message.result).toEqual({});
  for (const text of [nested(10), inObjects(10)]) {
    const { status, message } = await rpc(bus.url, text);
    expect([status, message.error.code]).toEqual([400, -32600]);
    expect(message.error.message).toBe("Invalid request: more than 9 levels of nesting (limit json_depth)");
  }
});

test("json_values: as many values as it allows, at every level, and no more", async () => {
  const few = await startHere({ env: { AGENT_EVENT_BUS_LIMIT_JSON_VALUES: "50" } });
  const ping = (x: string) => rpc(few.url, `{"jsonrpc":"2.0","id":5,"method":"ping","params":{"x":${x}}}`);
  // The message, its four members and the list are six.
  const list = (count: number) => `[${Array(count).fill("0").join()}]`;
  const object = (count: number) => `{${Array.from({ length: count }, (_, i) => `"${i},[":0`).join()}}`;
  for (const text of [list(44), object(44)]) expect((await ping(text)).message.result).toEqual({});
  for (const text of [list(45), object(45)]) {
    const { status, message } = await ping(text);
    expect([status, message.error.code]).toEqual([400, -32600]);
    expect(message.error.message).toBe("Invalid request: more than 50 values (limit json_values)");
  }
});

test("a raised payload_bytes works from end to end: 3 MiB", async () => {
  const raised = await startHere({ env: { AGENT_EVENT_BUS_LIMIT_PAYLOAD_BYTES: String(3 * 1024 * 1024) } });
  const payload = `${"0123456789abcdéf".repeat(185_043)}`.slice(0, 3 * 1024 * 1024 - 185_043);
  expect(Buffer.byteLength(payload)).toBeLessThanOrEqual(3 * 1024 * 1024);
  expect(Buffer.byteLength(payload)).toBeGreaterThan(2.9 * 1024 * 1024);
  const published = await cli(["publish", "--type", "big", "--payload", "-"], {
    bus: raised,
    stdin: payload,
  });
  expect([published.stderr, published.code]).toEqual(["", 0]);
  const read = await cli(["events", "--json", "--timeout", "60000"], { bus: raised });
  expect(read.json().events[0].payload === payload).toBe(true);
  const over = await cli(["publish", "--type", "big", "--payload", "-"], {
    bus: raised,
    stdin: `${payload}${"x".repeat(200_000)}`,
  });
  expect(over.stderr).toContain("TEXT must be at most 3145728 bytes of UTF-8 (limit payload_bytes)");
  expect(over.code).toBe(1);
});

test("a raised events_per_read works from end to end: events --limit 5000", async () => {
  const folder = tempFolder();
  const before = await startHere({ folder });
  await before.stop();
  change(
    before.db,
    `INSERT INTO events (event_type, payload, session_id, timestamp, channel)
      WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
      SELECT 't', 'number ' || i, 'anonymous', '2026-01-01T00:00:00.000Z', 'all' FROM n`,
  );
  const raised = await startHere({ folder, env: { AGENT_EVENT_BUS_LIMIT_EVENTS_PER_READ: "5000" } });
  const read = await cli(["events", "--limit", "5000", "--order", "asc", "--json"], { bus: raised });
  const events: { id: number }[] = read.json().events;
  expect(events.map(({ id }) => id)).toEqual(Array.from({ length: 5_000 }, (_, i) => i + 1));
  const over = await cli(["events", "--limit", "5001", "--json"], { bus: raised });
  expect(over.json().events).toHaveLength(5_000);
});
