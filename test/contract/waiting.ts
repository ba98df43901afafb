import { expect, test } from "bun:test";
import { join, payloads, problem, publish, resume, savedCursor } from "../support/agent.ts";
import type { TestBus } from "../support/bus.ts";
import { post, raw } from "../support/raw.ts";
import { rpc } from "../support/rpc.ts";

/** Half of the calls' own wait. */
const SOON = 10_000;

interface Waiting {
  /** The tool's structured result, and when it came. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into it
  answer: Promise<any>;
  since(): Promise<number>;
}

/** A get_events that is held by the bus when this resolves. */
async function waitFor(bus: TestBus, args: Record<string, unknown>): Promise<Waiting> {
  let answered = 0;
  const answer = bus.call("get_events", { wait_seconds: 20, order: "asc", ...args }).finally(() => {
    answered = performance.now();
  });
  await Bun.sleep(100);
  const began = performance.now();
  return { answer, since: () => answer.then(() => answered - began) };
}

function waitingBody(args: Record<string, unknown>, id = 1): string {
  const params = { name: "get_events", arguments: { wait_seconds: 20, resume: true, order: "asc", ...args } };
  return JSON.stringify({ jsonrpc: "2.0", id, method: "tools/call", params });
}

async function sessionIdOf(bus: TestBus): Promise<string> {
  const params = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "t", version: "1" } };
  const { headers } = await rpc(bus.url, { jsonrpc: "2.0", id: 0, method: "initialize", params });
  return headers.get("mcp-session-id") ?? "";
}

/** WIRE.md 4, wait_seconds. */
export function waiting(target: () => TestBus): void {
  test("a waiting read is answered by the publish itself", async () => {
    const { session_id } = await join(target());
    const waiting = await waitFor(target(), { session_id, resume: true });
    const id = await publish(target(), "news");
    const answer = await waiting.answer;
    expect(answer.events.map((event: { id: number }) => event.id)).toEqual([id]);
    expect(answer).toMatchObject({ next_cursor: String(id), has_more: false });
    expect(await waiting.since()).toBeLessThan(SOON);
    expect(await savedCursor(target(), session_id)).toBe(String(id));
  });

  test("what is there already is answered at once", async () => {
    const { session_id } = await join(target());
    await publish(target(), "there");
    const waiting = await waitFor(target(), { session_id, resume: true });
    expect(await payloads(waiting.answer)).toEqual(["there"]);
    expect(await waiting.since()).toBeLessThan(SOON);
  });

  test("when the time is up the answer is empty, and the cursor where it was", async () => {
    const { session_id, cursor } = await join(target());
    const began = performance.now();
    const answer = await resume(target(), session_id, { wait_seconds: 1 });
    expect(answer).toEqual({ events: [], next_cursor: cursor, has_more: false });
    expect(performance.now() - began).toBeWithin(900, SOON);
    expect(await savedCursor(target(), session_id)).toBe(cursor);
  });

  test("it waits without a session and without a cursor's session too", async () => {
    const cursor = await publish(target());
    for (const args of [{ cursor }, { cursor, session_id: "stranger" }]) {
      const waiting = await waitFor(target(), { ...args, channel: "repo:waited-for" });
      await publish(target(), "news", { channel: "repo:waited-for" });
      expect((await payloads(waiting.answer)).at(-1)).toBe("news");
    }
  });

  test.each([
    ["channel", { channel: "repo:mine" }],
    ["event_types", { event_types: ["mine", "other"] }],
    ["correlation_id", { correlation_id: "mine" }],
    ["min_level", { min_level: "actionable" }],
  ])("it waits on past events that %s leaves out", async (_, narrowed) => {
    const { session_id } = await join(target());
    const waiting = await waitFor(target(), { session_id, resume: true, ...narrowed });
    await publish(target(), "left out");
    await Bun.sleep(100);
    const own = {
      event_type: "mine",
      channel: "repo:mine",
      correlation_id: "mine",
      signal_level: "actionable",
    };
    await publish(target(), "mine", own);
    expect(await payloads(waiting.answer)).toEqual(["mine"]);
    expect(await waiting.since()).toBeLessThan(SOON);
  });

  test("what min_level hid while it waited counts as seen", async () => {
    const { session_id } = await join(target());
    await publish(target(), "hidden before");
    const args = { session_id, resume: true, min_level: "actionable", wait_seconds: 1 };
    const waiting = await waitFor(target(), args);
    expect((await waiting.answer).events).toEqual([]);
    expect((await resume(target(), session_id)).events).toEqual([]);
  });

  test("two waiting sessions both get an event", async () => {
    const both = [await join(target()), await join(target())];
    const waiting = await Promise.all(
      both.map(({ session_id }) => waitFor(target(), { session_id, cursor: both[1].cursor })),
    );
    await publish(target(), "for both");
    for (const { answer } of waiting) expect(await payloads(answer)).toEqual(["for both"]);
  });

  test("of two waiting reads of one session, one gets the event and the other the next", async () => {
    const { session_id } = await join(target());
    const waiting = [
      await waitFor(target(), { session_id, resume: true }),
      await waitFor(target(), { session_id, resume: true }),
    ];
    await publish(target(), "first");
    await Bun.sleep(100);
    await publish(target(), "second");
    const words = await Promise.all(waiting.map(({ answer }) => payloads(answer)));
    expect(words.flat().sort()).toEqual(["first", "second"]);
  });

  test("a peeking wait sees the event and moves nothing", async () => {
    const { session_id, cursor } = await join(target());
    const waiting = await waitFor(target(), { session_id, resume: true, peek: true });
    await publish(target(), "news");
    expect(await payloads(waiting.answer)).toEqual(["news"]);
    expect(await savedCursor(target(), session_id)).toBe(cursor);
  });

  test("a client that takes JSON only may wait as well", async () => {
    const { session_id } = await join(target());
    const answer = rpc(target().url, waitingBody({ session_id }), { accept: "application/json" });
    await Bun.sleep(100);
    await publish(target(), "news");
    const { message, headers } = await answer;
    expect(headers.get("content-type")).toStartWith("application/json");
    expect(message.result.structuredContent.events[0].payload).toBe("news");
  });

  test.each(["application/json", "application/json, text/event-stream"])(
    "a client that goes away (%s) loses nothing: the cursor stays, the next resume has the event",
    async (accept) => {
      const { session_id, cursor } = await join(target());
      const gone = new AbortController();
      const call = fetch(target().url, {
        method: "POST",
        headers: { "content-type": "application/json", accept },
        body: waitingBody({ session_id }),
        signal: gone.signal,
      });
      call.catch(() => {});
      await Bun.sleep(150);
      gone.abort();
      await Bun.sleep(150);
      await publish(target(), "kept");
      await Bun.sleep(50);
      expect(await savedCursor(target(), session_id)).toBe(cursor);
      expect(await payloads(resume(target(), session_id))).toEqual(["kept"]);
    },
  );

  test("a connection that is cut loses nothing either", async () => {
    const { session_id, cursor } = await join(target());
    const bytes = post(waitingBody({ session_id }), { connection: "keep-alive" });
    await raw(target().port, bytes, 150).catch(() => {});
    await Bun.sleep(150);
    await publish(target(), "kept");
    await Bun.sleep(50);
    expect(await savedCursor(target(), session_id)).toBe(cursor);
  });

  test("notifications/cancelled ends the wait of its own MCP session, and the cursor stays", async () => {
    const { session_id, cursor } = await join(target());
    const own = { "mcp-session-id": await sessionIdOf(target()) };
    const other = { "mcp-session-id": await sessionIdOf(target()) };
    const began = performance.now();
    let over = 0;
    const call = rpc(target().url, waitingBody({ session_id }, 77), own).finally(() => {
      over = performance.now();
    });
    await Bun.sleep(100);
    const cancel = { jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 77 } };
    for (const headers of [{}, other]) await rpc(target().url, cancel, headers);
    await rpc(target().url, { ...cancel, params: { requestId: "77" } }, own);
    await Bun.sleep(100);
    expect(over).toBe(0);
    expect((await rpc(target().url, cancel, own)).status).toBe(202);
    expect((await call).message?.result).toBeUndefined();
    expect(over - began).toBeLessThan(SOON);
    await publish(target(), "kept");
    expect(await savedCursor(target(), session_id)).toBe(cursor);
    expect(await payloads(resume(target(), session_id))).toEqual(["kept"]);
  });

  test("without an MCP session nobody can cancel: ids of different clients may be equal", async () => {
    const { session_id } = await join(target());
    const call = rpc(target().url, waitingBody({ session_id }, 77));
    await Bun.sleep(100);
    const cancel = { jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 77 } };
    expect((await rpc(target().url, cancel)).status).toBe(202);
    await Bun.sleep(50);
    await publish(target(), "news");
    expect((await call).message.result.structuredContent.events[0].payload).toBe("news");
  });

  test("0 does not wait, and neither does a read of nothing", async () => {
    const { session_id } = await join(target());
    const began = performance.now();
    expect((await resume(target(), session_id, { wait_seconds: 0 })).events).toEqual([]);
    expect((await resume(target(), session_id, { wait_seconds: 20, limit: 0 })).events).toEqual([]);
    expect(performance.now() - began).toBeLessThan(SOON);
  });

  test("300 seconds are taken, more or fewer than none refused by name", async () => {
    const { session_id } = await join(target());
    await publish(target());
    expect((await resume(target(), session_id, { wait_seconds: 300 })).events).toHaveLength(1);
    for (const wait_seconds of [301, -1, 0.5, "ten"])
      expect(await problem(target(), "get_events", { wait_seconds })).toContain("wait_seconds");
  });
}
