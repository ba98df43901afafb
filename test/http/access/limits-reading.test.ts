import { describe, expect, test } from "bun:test";
import { type BusOptions, startHere, type TestBus } from "../../support/bus.ts";
import { tempFolder } from "../../support/folder.ts";
import { rpcTool } from "../../support/rpc.ts";
import { change } from "../../support/webhook.ts";

/** Starts a bus whose limits are given by name. */
function busWith(limits: Record<string, number>, folder = tempFolder()) {
  const env: BusOptions["env"] = {};
  for (const [name, value] of Object.entries(limits))
    env[`AGENT_EVENT_BUS_LIMIT_${name.toUpperCase()}`] = String(value);
  return startHere({ env, folder });
}

/** Reads in pages until there is no more; the size of each answer in bytes and the ids it held. */
async function drain(
  bus: TestBus,
  args: Record<string, unknown>,
): Promise<{ bytes: number; ids: number[] }[]> {
  const pages: { bytes: number; ids: number[] }[] = [];
  for (let cursor: string | undefined = "0"; cursor !== undefined; ) {
    const { text, message } = await rpcTool(bus.url, "get_events", {
      cursor,
      order: "asc",
      limit: 1000,
      ...args,
    });
    const { events, has_more, next_cursor } = message.result.structuredContent;
    pages.push({ bytes: Buffer.byteLength(text), ids: events.map(({ id }: { id: number }) => id) });
    if (pages.length > 10_000) throw new Error("it never ends");
    cursor = has_more ? next_cursor : undefined;
  }
  return pages;
}

const REPLY = 64 * 1024;

/** What makes an event large, in fewer characters or in other places than its payload. */
const LARGE: [what: string, event: Record<string, unknown>][] = [
  ["a long payload", { payload: "x".repeat(5_000) }],
  ["three bytes a character", { payload: "漢".repeat(5_000) }],
  ["quotes, escaped twice", { payload: '"'.repeat(5_000) }],
  ["control characters, six bytes each", { payload: "\u0001".repeat(2_000) }],
  ["backslashes and newlines", { payload: "\\\n".repeat(5_000) }],
  ["many tags", { payload: "", tags: Array.from({ length: 32 }, (_, i) => `${i}`.padEnd(64, "t")) }],
  ["a long title, type, channel and thread", { payload: "", ...longNames() }],
  ["nothing but being many", { payload: "" }],
];

function longNames(): Record<string, string> {
  const long = "漢".repeat(40);
  return { event_type: long, channel: long, title: long, correlation_id: long, session_id: long };
}

describe("reply_bytes", () => {
  test.each(LARGE)("ends an answer early, and reading on loses nothing: %s", async (_, event) => {
    const bus = await busWith({ reply_bytes: REPLY });
    const count = 400;
    const sent = Array.from({ length: count }, () =>
      bus.call("publish_event", { event_type: "t", ...event }),
    );
    await Promise.all(sent);
    const pages = await drain(bus, {});
    expect(pages.flatMap(({ ids }) => ids)).toEqual(Array.from({ length: count }, (_, i) => i + 1));
    expect(pages.length).toBeGreaterThan(1);
    expect(Math.max(...pages.map(({ bytes }) => bytes))).toBeLessThanOrEqual(REPLY);
    // Nor does it end much too early.
    const [first] = pages;
    const each = (first?.bytes ?? 0) / (first?.ids.length ?? 1);
    expect(first?.bytes).toBeGreaterThan(REPLY - 2_048 - 2 * each);
  });

  test("never holds back an event that is larger by itself", async () => {
    const bus = await busWith({ reply_bytes: 1 });
    for (let i = 0; i < 5; i++)
      await bus.call("publish_event", { event_type: "t", payload: "x".repeat(100) });
    for (const order of ["asc", "desc"]) {
      const answer = await bus.call("get_events", { order, limit: 50 });
      expect(answer).toMatchObject({ events: [{ id: order === "asc" ? 1 : 5 }], has_more: true });
    }
    expect((await drain(bus, {})).map(({ ids }) => ids)).toEqual([[1], [2], [3], [4], [5]]);
  });

  test("counts for a resume too, whose cursor stays behind what was not sent", async () => {
    const bus = await busWith({ reply_bytes: REPLY });
    const { session_id } = await bus.call("register_session", { name: "n" });
    for (let i = 0; i < 60; i++)
      await bus.call("publish_event", { event_type: "t", payload: "漢".repeat(1_000) });
    const seen: number[] = [];
    for (let more = true; more && seen.length <= 60; ) {
      const { text, message } = await rpcTool(bus.url, "get_events", {
        session_id,
        resume: true,
        order: "asc",
      });
      expect(Buffer.byteLength(text)).toBeLessThanOrEqual(REPLY);
      const { events, has_more, next_cursor } = message.result.structuredContent;
      expect(next_cursor).toBe(String(events.at(-1).id));
      seen.push(...events.map(({ id }: { id: number }) => id));
      more = has_more;
    }
    expect(seen).toEqual(Array.from({ length: 60 }, (_, i) => i + 2));
  });
});

test("events_per_read: as many as it allows, has_more, and the rest by the cursor", async () => {
  const bus = await busWith({ events_per_read: 60 });
  for (let i = 0; i < 130; i++) await bus.call("publish_event", { event_type: "t", payload: "" });
  const pages = await drain(bus, { limit: 60 });
  expect(pages.map(({ ids }) => ids.length)).toEqual([60, 60, 10]);
  expect((await bus.call("get_events", { limit: 61 })).events).toHaveLength(60);
});

test("events_per_read below the default page makes the default page smaller, not a refusal", async () => {
  const bus = await busWith({ events_per_read: 20 });
  for (let i = 0; i < 30; i++) await bus.call("publish_event", { event_type: "t", payload: "" });
  const { events, has_more } = await bus.call("get_events");
  expect([events.length, has_more]).toEqual([20, true]);
});

test("event_types at its most names 500 types in one filter", async () => {
  const bus = await busWith({ event_types: 500 });
  const types = Array.from({ length: 500 }, (_, i) => `type-${i}`);
  for (const event_type of ["type-0", "type-499", "other"])
    await bus.call("publish_event", { event_type, payload: "" });
  const narrowed = { event_types: types, channel: "all", order: "asc" };
  expect((await drain(bus, narrowed)).flatMap(({ ids }) => ids)).toEqual([1, 2]);
});

test("a wait that many events end is held to reply_bytes as well", async () => {
  const folder = tempFolder();
  const before = await busWith({}, folder);
  await before.stop();
  change(
    before.db,
    `INSERT INTO events (event_type, payload, session_id, timestamp, channel)
      WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)
      SELECT 't', printf('%.*c', 1000, 'x'), 'anonymous', '2026-01-01T00:00:00.000Z', 'all' FROM n`,
  );
  const bus = await busWith({ reply_bytes: REPLY }, folder);
  const pages = await drain(bus, { wait_seconds: 5, min_level: "info" });
  expect(pages.flatMap(({ ids }) => ids)).toHaveLength(500);
  expect(Math.max(...pages.map(({ bytes }) => bytes))).toBeLessThanOrEqual(REPLY);
});
