import { expect, test } from "bun:test";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { answerNext, fresh, join, publish, resume, savedCursor } from "../support/agent.ts";
import type { TestBus } from "../support/bus.ts";
import { cli } from "../support/cli.ts";
import { receiver } from "../support/receiver.ts";
import { rpc } from "../support/rpc.ts";

const KIB = 1024;
const LONG = `begin ${"x".repeat(1_000_000)} end`;

/** Payloads by their length in UTF-8, and how many bytes of them an agent's client gets. */
const LENGTHS: [what: string, payload: string, shown: number | "whole"][] = [
  ["nothing", "", "whole"],
  ["exactly 16 kB", "x".repeat(16 * KIB), "whole"],
  ["a byte more", "x".repeat(16 * KIB + 1), 2 * KIB],
  ["16 kB of three-byte characters", "日".repeat(5_461), "whole"],
  ["one more of them", "日".repeat(5_462), 2_046],
  ["pictographs in one", "👩‍💻".repeat(2_000), 2_046],
  ["1 MB", LONG, 2 * KIB],
];

const MANY = Array.from({ length: 99 }, (_, i) => String.fromCodePoint(0xe0100 + i));

/** A client that has made the handshake of MCP, like Claude Code. */
async function agentOf(bus: TestBus) {
  const client = new Client({ name: "test", version: "1" });
  await client.connect(new StreamableHTTPClientTransport(new URL(bus.url)) as never);
  return {
    // biome-ignore lint/suspicious/noExplicitAny: tests look into it
    async call(name: string, args: Record<string, unknown>): Promise<any> {
      const { structuredContent, content } = await client.callTool({ name, arguments: args });
      const [{ text = "" } = {}] = content as { text?: string }[];
      expect(JSON.parse(text)).toEqual(structuredContent);
      return structuredContent;
    },
    close: () => client.close(),
  };
}

/** The one request that the original's command line sends for everything, and how it reads the answer. */
async function original(url: string, name: string, args: object) {
  const call = { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name, arguments: args } };
  const headers = {
    "content-type": "application/json",
    accept: "application/json, text/event-stream",
    "user-agent": "python-requests/2.32.3",
    "accept-encoding": "gzip, deflate",
    connection: "keep-alive",
  };
  const { text } = await rpc(url, call, headers);
  const line = text.split("\n").find((one) => one.startsWith("data: ")) ?? "";
  return JSON.parse(JSON.parse(line.slice("data: ".length)).result.content[0].text);
}

/** WIRE.md 4: long payloads of others do not fill the context of an agent. */
export function previews(target: () => TestBus): void {
  test.each(LENGTHS)(
    "an agent's client gets a payload of %s in full only up to 16 kB",
    async (_, payload, shown) => {
      const id = await publish(target(), payload);
      const agent = await agentOf(target());
      const { events } = await agent.call("get_events", { limit: 1 });
      const [event] = events;
      const bytes = Buffer.byteLength(payload);
      const { payload: read, payload_bytes, whole } = event;
      if (shown === "whole")
        expect({ id: event.id, read, payload_bytes, whole }).toEqual({ id, read: payload } as never);
      else {
        expect(Buffer.byteLength(read)).toBe(shown);
        expect(payload).toStartWith(read);
        expect({ payload_bytes, whole }).toEqual({
          payload_bytes: bytes,
          whole: `get_events(event_id=${id})`,
        });
      }
      const answer = await agent.call("get_events", { event_id: id });
      expect(answer).toEqual({
        events: [{ ...event, payload, payload_bytes: undefined, whole: undefined }],
        ...{ next_cursor: String(id), has_more: false },
      });
      await agent.close();
    },
  );

  test("an answer to a question is previewed too, and so is the echo of what an agent publishes", async () => {
    const agent = await agentOf(target());
    const { session_id } = await join(target());
    const other = await join(target());
    const [asked] = await Promise.all([
      agent.call("ask", { to: other.session_id, payload: "?", session_id, wait_seconds: 60 }),
      answerNext(target(), LONG, { session_id: other.session_id }),
    ]);
    const { answer } = asked;
    expect([answer.payload.length, answer.payload_bytes]).toEqual([2 * KIB, LONG.length]);
    expect(answer.whole).toBe(`get_events(event_id=${answer.id})`);
    const published = await agent.call("publish_event", { event_type: "note", payload: LONG, session_id });
    expect([published.payload.length, published.payload_bytes]).toEqual([2 * KIB, LONG.length]);
    const { events } = await agent.call("get_events", { event_id: published.event_id });
    expect(events[0].payload).toBe(LONG);
    await agent.close();
  });

  test("a read that waits, one that resumes and one of a page are previewed alike", async () => {
    const agent = await agentOf(target());
    const { session_id } = await join(target());
    const waiting = agent.call("get_events", { session_id, resume: true, wait_seconds: 60 });
    const id = await publish(target(), LONG);
    for (const answer of [
      await waiting,
      await agent.call("get_events", { cursor: String(id - 1), order: "asc" }),
    ])
      expect(answer.events.find((one: { id: number }) => one.id === id).payload_bytes).toBe(LONG.length);
    await agent.close();
  });

  test("the original's request gets everything whole: what it publishes, reads and resumes", async () => {
    const { url } = target();
    const { session_id } = await join(target());
    const published = await original(url, "publish_event", { event_type: "note", payload: LONG });
    expect(published.payload).toBe(LONG);
    for (const args of [
      { limit: 1, order: "desc" },
      { session_id, resume: true, order: "asc" },
    ]) {
      const { events } = await original(url, "get_events", args);
      const event = events.find(({ id }: { id: number }) => id === published.event_id);
      expect(event.payload).toBe(LONG);
      expect(Object.keys(event)).toEqual(Object.keys(events[0]));
      expect(["payload_bytes", "whole"].filter((key) => key in event)).toEqual([]);
    }
  });

  test("commands and webhooks get everything whole", async () => {
    const hooks = receiver(() => new Response(null, { status: 204 }));
    const channel = fresh("previews");
    await target().call("register_webhook", { url: hooks.url("/whole"), channel });
    const id = await publish(target(), LONG, { channel });
    for (const argv of [
      ["events", "--limit", "1", "--json"],
      ["events", "--limit", "1"],
      ["events", "--full", "-n", "1"],
    ])
      expect((await cli(argv, { bus: target() })).stdout).toContain(LONG);
    const old = await cli(["events", "--limit", "1"], { bus: target(), original: true });
    expect(old.stdout).toContain(LONG);
    const [delivery] = await hooks.until("/whole", 1);
    expect(delivery?.json).toMatchObject({ event_id: id, payload: LONG });
    hooks.stop();
  });

  test.each<[what: string, payload: string, hidden: string[] | undefined]>([
    ["turned and tagged", "a\u202eb\u{e0041}\u{e0041}\u200b", ["U+202E", "U+E0041", "U+200B"]],
    ["controls", "\u001b[2J\u009b \u00ad", ["U+001B", "U+009B", "U+00AD"]],
    ["emojis, line ends and tabs", "👩‍💻 ❤️ line\r\nline\ttab", undefined],
    ["plain text", "plain", undefined],
    [
      "more than eight",
      MANY.join(""),
      MANY.slice(0, 8).map((one) => `U+${one.codePointAt(0)?.toString(16).toUpperCase()}`),
    ],
  ])("an agent's client is told which characters show nothing: %s", async (_, payload, hidden) => {
    const agent = await agentOf(target());
    const id = await publish(target(), payload);
    for (const args of [{ limit: 1 }, { event_id: id }]) {
      const { events } = await agent.call("get_events", args);
      expect(events).toMatchObject([{ id, payload }]);
      expect(events[0].hidden_characters).toEqual(hidden);
    }
    const [bare] = (await target().call("get_events", { limit: 1 })).events;
    expect("hidden_characters" in bare).toBe(false);
    await agent.close();
  });

  test("reading one event moves no cursor, and an unknown one is refused", async () => {
    const { session_id } = await join(target());
    const before = await savedCursor(target(), session_id);
    const id = await publish(target(), "later");
    const read = await target().call("get_events", { event_id: id, session_id, resume: true });
    expect(read).toMatchObject({
      events: [{ id, payload: "later" }],
      next_cursor: String(id),
      has_more: false,
    });
    expect(await savedCursor(target(), session_id)).toBe(before);
    expect((await resume(target(), session_id)).events).toMatchObject([{ id }]);
    const unknown = await target().call("get_events", { event_id: 1_000_000_000 });
    expect(unknown).toEqual({ error: "There is no event 1000000000.", event_id: 1_000_000_000 });
  });
}
