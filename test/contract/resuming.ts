import { expect, test } from "bun:test";
import { fresh, join, payloads, publish, resume, savedCursor } from "../support/agent.ts";
import type { TestBus } from "../support/bus.ts";

async function joinWith(bus: TestBus, words: string[]): Promise<string> {
  const { session_id } = await join(bus);
  for (const word of words) await publish(bus, word);
  return session_id;
}

/** WIRE.md 4, the saved cursor. */
export function resuming(target: () => TestBus): void {
  test("resume reads after the saved cursor and moves it", async () => {
    const session_id = await joinWith(target(), ["a", "b"]);
    const first = await resume(target(), session_id);
    expect(first.events.map((event: { payload: string }) => event.payload)).toEqual(["a", "b"]);
    expect(await savedCursor(target(), session_id)).toBe(first.next_cursor);
    const second = await resume(target(), session_id);
    expect(second).toEqual({ events: [], next_cursor: first.next_cursor, has_more: false });
    await publish(target(), "c");
    expect(await payloads(resume(target(), session_id))).toEqual(["c"]);
  });

  test("resume in pages reaches everything once", async () => {
    const words = Array.from({ length: 7 }, (_, i) => `w${i}`);
    const session_id = await joinWith(target(), words);
    const pages: string[][] = [];
    for (let i = 0; i < 3; i++) pages.push(await payloads(resume(target(), session_id, { limit: 3 })));
    expect(pages).toEqual([words.slice(0, 3), words.slice(3, 6), words.slice(6)]);
  });

  test("newest first, a resume consumes what is older than its page too", async () => {
    const session_id = await joinWith(target(), ["a", "b", "c"]);
    const answer = await resume(target(), session_id, { order: "desc", limit: 1 });
    expect(answer.events[0].payload).toBe("c");
    expect((await resume(target(), session_id)).events).toEqual([]);
  });

  test("a peek moves nothing", async () => {
    const session_id = await joinWith(target(), ["a", "b"]);
    const before = await savedCursor(target(), session_id);
    expect(await payloads(resume(target(), session_id, { peek: true }))).toEqual(["a", "b"]);
    await target().call("get_events", { session_id, peek: true });
    expect(await savedCursor(target(), session_id)).toBe(before);
    expect(await payloads(resume(target(), session_id))).toEqual(["a", "b"]);
  });

  test.each([
    ["channel", { channel: "repo:narrow" }],
    ["event_types", { event_types: ["narrow"] }],
    ["correlation_id", { correlation_id: "narrow" }],
  ])("a read narrowed by %s consumes nothing, resumed or not", async (_, narrowed) => {
    const { session_id, cursor } = await join(target());
    const own = { channel: "repo:narrow", event_type: "narrow", correlation_id: "narrow" };
    await publish(target(), "a", own);
    await publish(target(), "b");
    expect(await payloads(resume(target(), session_id, narrowed))).toEqual(["a"]);
    expect(await payloads(target().call("get_events", { session_id, cursor, ...narrowed }))).toEqual(["a"]);
    expect(await savedCursor(target(), session_id)).toBe(cursor);
    expect(await payloads(resume(target(), session_id))).toEqual(["a", "b"]);
  });

  test("what min_level hides counts as seen", async () => {
    const { session_id } = await join(target());
    await publish(target(), "hidden");
    await publish(target(), "shown", { event_type: "help_needed" });
    const last = await publish(target(), "hidden too");
    const answer = await resume(target(), session_id, { min_level: "actionable" });
    expect(answer.events.map((event: { payload: string }) => event.payload)).toEqual(["shown"]);
    expect(answer.next_cursor).toBe(String(last));
    expect((await resume(target(), session_id)).events).toEqual([]);
  });

  test("a plain read of the newest saves the highest id", async () => {
    const session_id = await joinWith(target(), ["a", "b"]);
    const answer = await target().call("get_events", { session_id, limit: 1 });
    expect(await savedCursor(target(), session_id)).toBe(answer.next_cursor);
  });

  test("reading old events never moves the saved cursor back", async () => {
    const session_id = await joinWith(target(), ["a"]);
    const { next_cursor } = await resume(target(), session_id);
    await target().call("get_events", { session_id, order: "asc", limit: 1 });
    await target().call("get_events", { session_id, cursor: "0", order: "asc", limit: 1 });
    expect(await savedCursor(target(), session_id)).toBe(next_cursor);
  });

  test("a cursor wins over resume; a malformed one counts as none, so resume holds", async () => {
    const session_id = await joinWith(target(), ["a", "b"]);
    const all = await resume(target(), session_id, { peek: true });
    const [first] = all.events;
    const peeked = { peek: true, cursor: String(first.id) };
    expect(await payloads(resume(target(), session_id, peeked))).toEqual(["b"]);
    expect(await payloads(resume(target(), session_id, { cursor: "abc" }))).toEqual(["a", "b"]);
  });

  test("resume without a session_id is a plain read", async () => {
    await publish(target(), "a");
    const plain = await target().call("get_events", { limit: 1 });
    expect(await target().call("get_events", { limit: 1, resume: true })).toEqual(plain);
  });

  test("resumes of one session at the same time never get the same event twice, and miss none", async () => {
    const words = Array.from({ length: 60 }, (_, i) => fresh(`w${i}`));
    const session_id = await joinWith(target(), words);
    const answers = await Promise.all(
      Array.from({ length: 24 }, () => payloads(resume(target(), session_id, { limit: 5 }))),
    );
    expect(answers.flat().sort()).toEqual([...words].sort());
  });

  test("a resume while others publish misses nothing", async () => {
    const { session_id } = await join(target());
    const words = Array.from({ length: 50 }, () => fresh("word"));
    const seen: string[] = [];
    const publishing = Promise.all(words.map((word) => publish(target(), word)));
    for (let i = 0; i < 20; i++) seen.push(...(await payloads(resume(target(), session_id))));
    await publishing;
    seen.push(...(await payloads(resume(target(), session_id))));
    expect(seen.sort()).toEqual([...words].sort());
  });
}
