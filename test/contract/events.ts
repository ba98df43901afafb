import { expect, test } from "bun:test";
import { fresh, join, newest, publish } from "../support/agent.ts";
import type { TestBus } from "../support/bus.ts";
import { selected } from "../support/engine.ts";
import { callTool } from "../support/rpc.ts";

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const LIFECYCLE =
  "session_registered session_unregistered ci_watching ci_rerun task_started parallel_work_started";
const ACTIONABLE = "help_needed blocker_found ci_failed error_broadcast";
const INFO = "note task_completed anything_else HELP_NEEDED constructor";

const LEVELS: [type: string, level: string][] = [
  ...LIFECYCLE.split(" ").map((type): [string, string] => [type, "lifecycle"]),
  ...ACTIONABLE.split(" ").map((type): [string, string] => [type, "actionable"]),
  ...INFO.split(" ").map((type): [string, string] => [type, "info"]),
];

const TEXTS: [what: string, text: string][] = [
  ["nothing", ""],
  ["a space", " "],
  ["lines of both kinds", "one\r\ntwo\nthree\n"],
  ["many scripts", "Grüße 日本語 🦖 مرحبا é"],
  ["SQL", "'); DROP TABLE events;--"],
  ["escape sequences", "\u001b[31mred\u001b[0m \u001b]0;title\u0007"],
  ["NUL", "before\u0000after"],
  ["a byte order mark", "\ufeffmarked"],
  ["line separators", "a\u2028b\u2029c"],
  ["JSON", '{"a":[1,2,{"b":null}]}'],
  ["a template", "$HOME $(id) %s %n {{x}}"],
  ["a frame of an event stream", "data: {}\n\nevent: message\n"],
  ["a digit string", "0012"],
  ["a megabyte", "x".repeat(1024 * 1024)],
];

function metaOf(bus: TestBus, id: number): Record<string, unknown> {
  const [row] = selected<{ m: string }>(bus.db, "SELECT payload_meta AS m FROM events WHERE id = ?", id);
  return JSON.parse(row?.m ?? "null");
}

/** WIRE.md 2, events and signal levels, and publish_event of 3. */
export function events(target: () => TestBus): void {
  test("an event shows its nine fields, and title and tags only when set", async () => {
    await publish(target(), "plain");
    expect(await newest(target())).toEqual({
      id: expect.any(Number),
      event_type: "note",
      payload: "plain",
      session_id: "anonymous",
      timestamp: expect.stringMatching(TIME),
      channel: "all",
      correlation_id: null,
      signal_level: "info",
      origin: "local",
    });
    const more = {
      title: "Title",
      tags: ["a", "b"],
      correlation_id: "c-1",
      session_id: "me",
      channel: "repo:x",
    };
    await publish(target(), "full", more);
    expect(await newest(target())).toMatchObject({ ...more, payload: "full" });
  });

  test("publish_event answers with what was stored", async () => {
    const args = { event_type: "task_completed", payload: "done", channel: "repo:x" };
    const plain = await target().call("publish_event", args);
    expect(plain).toEqual({ event_id: expect.any(Number), ...args, signal_level: "info" });
    const threaded = await target().call("publish_event", { ...args, correlation_id: "c-1" });
    expect(threaded).toEqual({ ...plain, event_id: plain.event_id + 1, correlation_id: "c-1" });
  });

  test("ids grow by one with every event, also when many publish at once", async () => {
    const first = await publish(target());
    const ids = await Promise.all(Array.from({ length: 60 }, () => publish(target())));
    expect(ids.sort((a, b) => a - b)).toEqual(Array.from({ length: 60 }, (_, i) => first + 1 + i));
  });

  test("an empty channel or session_id counts as absent", async () => {
    await publish(target(), "x", { channel: "", session_id: "" });
    expect(await newest(target())).toMatchObject({ channel: "all", session_id: "anonymous" });
  });

  test("a session id that was never registered may publish", async () => {
    const answer = await target().call("publish_event", {
      event_type: "note",
      payload: "x",
      session_id: "stranger",
    });
    expect(answer.warning).toBeUndefined();
    expect((await newest(target())).session_id).toBe("stranger");
  });

  for (const [what, text] of TEXTS)
    test(`${what} arrives as it was sent`, async () => {
      const answer = await target().call("publish_event", { event_type: "note", payload: text });
      expect(answer.payload === text).toBe(true);
      expect((await newest(target())).payload === text).toBe(true);
    });

  test("odd text arrives in every field as it was sent", async () => {
    const odd = "a'b\"c\u0000d\u001b[1m;--";
    const more = { title: odd, tags: [odd, ""], correlation_id: odd, session_id: odd, channel: odd };
    await target().call("publish_event", { event_type: odd, payload: odd, ...more });
    expect(await newest(target())).toMatchObject({ event_type: odd, ...more });
    const narrowed = { event_types: [odd], channel: odd, correlation_id: odd };
    expect((await target().call("get_events", narrowed)).events).toHaveLength(1);
    expect((await join(target(), { name: odd, cwd: odd, machine: odd })).name).toBe(odd);
  });

  test("a lone surrogate becomes U+FFFD, in the answer as in the store", async () => {
    const body = '{"event_type":"note","payload":"a\\ud800b"}';
    const { structuredContent } = await callTool(target().url, "publish_event", JSON.parse(body));
    expect(structuredContent.payload).toBe("a\ufffdb");
    expect((await newest(target())).payload).toBe("a\ufffdb");
  });

  for (const [event_type, level] of LEVELS)
    test(`${event_type} is ${level}`, async () => {
      const { signal_level } = await target().call("publish_event", { event_type, payload: "x" });
      expect(signal_level).toBe(level);
      expect((await newest(target())).signal_level).toBe(level);
    });

  test("a direct message is actionable whatever its type", async () => {
    const { session_id } = await join(target());
    const args = { event_type: "task_started", payload: "x", channel: `session:${session_id}` };
    expect((await target().call("publish_event", args)).signal_level).toBe("actionable");
  });

  test.each(["lifecycle", "info", "actionable"])(
    "an explicit %s wins over channel and type",
    async (signal_level) => {
      const { session_id } = await join(target());
      for (const event_type of ["help_needed", "task_started", "note"])
        for (const channel of ["all", `session:${session_id}`]) {
          const args = { event_type, payload: "x", channel, signal_level };
          expect((await target().call("publish_event", args)).signal_level).toBe(signal_level);
        }
    },
  );

  test("an unknown level is stored, warned about, and derived", async () => {
    const args = { event_type: "help_needed", payload: "x", signal_level: "URGENT" };
    const answer = await target().call("publish_event", args);
    expect(answer.signal_level).toBe("actionable");
    expect(answer.warning).toContain("URGENT");
    expect((await newest(target())).signal_level).toBe("actionable");
    expect(metaOf(target(), answer.event_id).signal_level).toBe("URGENT");
  });

  test("tags and titles keep their order and text", async () => {
    const tags = Array.from({ length: 32 }, (_, i) => `tag ${31 - i}, "x"`);
    await publish(target(), fresh(), { tags, title: "Ein Titel: 日本" });
    expect(await newest(target())).toMatchObject({ tags, title: "Ein Titel: 日本" });
  });
}
