import { expect, test } from "bun:test";
import { fresh, join, payloads, problem, publish, resume, savedCursor } from "../support/agent.ts";
import type { TestBus } from "../support/bus.ts";
import { rpc, rpcTool } from "../support/rpc.ts";

// biome-ignore lint/suspicious/noExplicitAny: tests look into it
function read(bus: TestBus, args: Record<string, unknown> = {}): Promise<any> {
  return bus.call("get_events", args);
}

function idsOf(answer: { events: { id: number }[] }): number[] {
  return answer.events.map((event) => event.id);
}

/** Publishes some events in a row; returns their ids. */
async function publishMany(bus: TestBus, count: number, more = {}): Promise<number[]> {
  const ids: number[] = [];
  for (let i = 0; i < count; i++) ids.push(await publish(bus, `${i}`, more));
  return ids;
}

/** Every page after a cursor, oldest first. */
async function drain(bus: TestBus, args: Record<string, unknown>): Promise<{ ids: number[]; pages: number }> {
  const ids: number[] = [];
  let { cursor } = args;
  for (let pages = 1; ; pages++) {
    const page = await read(bus, { ...args, cursor, order: "asc" });
    ids.push(...idsOf(page));
    if (!page.has_more) return { ids, pages };
    cursor = page.next_cursor;
  }
}

/** WIRE.md 4, without a session. */
export function reading(target: () => TestBus): void {
  test("without a cursor it reads the newest, newest first", async () => {
    const ids = await publishMany(target(), 60);
    const answer = await read(target());
    expect(idsOf(answer)).toEqual(ids.slice(-50).reverse());
    expect(answer).toMatchObject({ next_cursor: String(ids.at(-1)), has_more: true });
    expect(idsOf(await read(target(), { limit: 3 }))).toEqual(ids.slice(-3).reverse());
  });

  test("pages that many read at the same time are each what was asked for", async () => {
    const ids: number[] = [];
    for (let i = 0; i < 40; i++)
      ids.push(await publish(target(), `"${i}" \\ Grüße 🦖 ${"x".repeat(i * 20)}`));
    const reads = [1, 7, 20, 40, 7, 40, 1].flatMap((limit) =>
      ["application/json", "text/event-stream"].map((accept) => ({ limit, accept })),
    );
    for (let round = 0; round < 3; round++) {
      const answers = await Promise.all(
        reads.map(({ limit, accept }, i) =>
          rpcTool(target().url, "get_events", { limit }, { accept }, `${round} "${i}"`),
        ),
      );
      for (const [i, { message }] of answers.entries()) {
        const { content, structuredContent } = message.result;
        expect(message.id).toBe(`${round} "${i}"`);
        expect(idsOf(structuredContent)).toEqual(ids.slice(-(reads[i]?.limit ?? 0)).reverse());
        expect(JSON.parse(content[0].text)).toEqual(structuredContent);
        expect(structuredContent.events[0].payload).toStartWith('"39" \\ Grüße 🦖 xxx');
      }
    }
  });

  test("oldest first without a cursor, it starts at the first event", async () => {
    await publishMany(target(), 3);
    const answer = await read(target(), { order: "asc", limit: 3 });
    expect(idsOf(answer)).toEqual([1, 2, 3]);
    expect(answer).toMatchObject({ next_cursor: "3", has_more: true });
  });

  for (const cursor of ["abc", "", "-1", "1.5", "1e3", "0x10", "٣", "9".repeat(30), "1 2", "null", 1.5, -1])
    test(`the malformed cursor ${JSON.stringify(cursor)} counts as none`, async () => {
      await publishMany(target(), 2);
      expect(await read(target(), { cursor, limit: 2 })).toEqual(await read(target(), { limit: 2 }));
    });

  test("a cursor may be text or a number, with spaces around it", async () => {
    const [first, second] = await publishMany(target(), 2);
    for (const cursor of [String(first), first, ` ${first} `])
      expect(idsOf(await read(target(), { cursor }))).toEqual([Number(second)]);
  });

  test.each(["asc", "desc"])(
    "%s: next_cursor is the highest id, and feeding it back repeats nothing",
    async (order) => {
      const [start] = await publishMany(target(), 1);
      const ids = await publishMany(target(), 4);
      const answer = await read(target(), { cursor: start, order });
      expect(idsOf(answer)).toEqual(order === "asc" ? ids : [...ids].reverse());
      expect(answer).toMatchObject({ next_cursor: String(ids.at(-1)), has_more: false });
      const next = await read(target(), { cursor: answer.next_cursor, order });
      expect(next).toEqual({ events: [], next_cursor: answer.next_cursor, has_more: false });
    },
  );

  test("paging oldest first reaches every event once", async () => {
    const [cursor] = await publishMany(target(), 1);
    const ids = await publishMany(target(), 23);
    expect(await drain(target(), { cursor, limit: 5 })).toEqual({ ids, pages: 5 });
    expect(await drain(target(), { cursor, limit: 23 })).toEqual({ ids, pages: 2 });
  });

  test("newest first after a cursor, a page holds the newest, and has_more says that it was full", async () => {
    const [cursor] = await publishMany(target(), 1);
    const ids = await publishMany(target(), 5);
    const answer = await read(target(), { cursor, limit: 2 });
    expect(idsOf(answer)).toEqual(ids.slice(-2).reverse());
    expect(answer).toMatchObject({ next_cursor: String(ids.at(-1)), has_more: true });
  });

  test("limit 0 reads nothing and has no more", async () => {
    const [cursor] = await publishMany(target(), 2);
    const answer = await read(target(), { cursor, limit: 0 });
    expect(answer).toEqual({ events: [], next_cursor: String(cursor), has_more: false });
    expect((await read(target(), { limit: 0 })).has_more).toBe(false);
  });

  test("a limit of 1000 is taken, a larger one means 1000, a negative one is refused by name", async () => {
    const most = (await read(target(), { limit: 1000 })).events.length;
    expect(most).toBeGreaterThan(50);
    for (const limit of [1001, 2 ** 31]) expect((await read(target(), { limit })).events.length).toBe(most);
    for (const limit of [-1, 1.5])
      expect(await problem(target(), "get_events", { limit })).toContain("limit");
  });

  test("channel, types and correlation narrow a read, alone and together", async () => {
    const [channel, type, correlation_id] = [fresh("room"), fresh("type"), fresh("corr")];
    const one = await publish(target(), "1", { channel });
    const two = await publish(target(), "2", { event_type: type });
    const three = await publish(target(), "3", { correlation_id });
    const four = await publish(target(), "4", { channel, event_type: type, correlation_id });
    expect(idsOf(await read(target(), { channel }))).toEqual([four, one]);
    expect(idsOf(await read(target(), { event_types: [type] }))).toEqual([four, two]);
    expect(idsOf(await read(target(), { event_types: ["never", type], order: "asc" }))).toEqual([two, four]);
    expect(idsOf(await read(target(), { correlation_id }))).toEqual([four, three]);
    expect(idsOf(await read(target(), { channel, event_types: [type], correlation_id }))).toEqual([four]);
    expect(idsOf(await read(target(), { channel, correlation_id: "other" }))).toEqual([]);
  });

  test("a type that is asked for twice is answered once", async () => {
    const type = fresh("type");
    const ids = await publishMany(target(), 3, { event_type: type });
    const twice = await read(target(), { event_types: [type, type], order: "asc" });
    expect(idsOf(twice)).toEqual(ids);
    expect(twice.has_more).toBe(false);
  });

  test("an empty channel, correlation or list of types narrows nothing", async () => {
    await publishMany(target(), 1);
    const all = await read(target(), { limit: 1 });
    for (const args of [{ channel: "" }, { correlation_id: "" }, { event_types: [] }])
      expect(await read(target(), { ...args, limit: 1 })).toEqual(all);
  });

  test("a channel filter is exact", async () => {
    const room = fresh("room");
    await publish(target(), "x", { channel: `${room}:inner` });
    for (const channel of [room, `${room}:`, `${room}:%`, `${room.toUpperCase()}:inner`])
      expect(idsOf(await read(target(), { channel }))).toEqual([]);
  });

  test.each([
    ["lifecycle", ["low", "mid", "high"]],
    ["info", ["mid", "high"]],
    ["actionable", ["high"]],
  ])("min_level %s shows that level and above", async (min_level, shown) => {
    const channel = fresh("room");
    const cursor = await publish(target());
    await publish(target(), "low", { event_type: "task_started", channel });
    await publish(target(), "mid", { event_type: "note", channel });
    await publish(target(), "high", { event_type: "help_needed", channel });
    expect(await payloads(read(target(), { cursor, min_level, order: "asc" }))).toEqual(shown);
  });

  test("has_more counts what min_level hides", async () => {
    const cursor = await publish(target());
    const ids = await publishMany(target(), 3);
    const page = await read(target(), { cursor, limit: 2, min_level: "actionable", order: "asc" });
    expect(page).toEqual({ events: [], next_cursor: String(ids[1]), has_more: true });
  });

  test("an id that was never registered reads freely, and cannot resume", async () => {
    const [cursor, id] = await publishMany(target(), 2);
    expect(idsOf(await read(target(), { cursor, session_id: "stranger" }))).toEqual([Number(id)]);
    expect(idsOf(await read(target(), { cursor, session_id: "stranger" }))).toEqual([Number(id)]);
    const answer = await read(target(), { session_id: "stranger", resume: true });
    expect(answer).toEqual({ error: "Session not found", session_id: "stranger" });
  });

  test("a reply stays below 4 MiB, and paging still reaches everything", async () => {
    const cursor = await publish(target());
    const ids: number[] = [];
    for (let i = 0; i < 6; i++) ids.push(await publish(target(), "x".repeat(1024 * 1024)));
    const params = { name: "get_events", arguments: { cursor, order: "asc" } };
    const { text, message } = await rpc(target().url, {
      jsonrpc: "2.0",
      id: 1,
      method: "tools/call",
      params,
    });
    expect(text.length).toBeLessThan(4.5 * 1024 * 1024);
    expect(message.result.structuredContent.has_more).toBe(true);
    expect((await drain(target(), { cursor })).ids).toEqual(ids);
  });

  test("a resume after a session's own reading starts where that ended", async () => {
    const { session_id } = await join(target());
    const ids = await publishMany(target(), 3);
    expect(idsOf(await read(target(), { session_id, cursor: ids[0], order: "asc" }))).toEqual(ids.slice(1));
    expect(await savedCursor(target(), session_id)).toBe(String(ids[2]));
    expect((await resume(target(), session_id)).events).toEqual([]);
  });
}
