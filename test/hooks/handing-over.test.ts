import { describe, expect, test } from "bun:test";
import { startBus, type TestBus } from "../support/bus.ts";
import { eventsIn, newClient, startClient } from "../support/hooks.ts";

const MOST_EVENTS = 20;
const MOST_BYTES = 8_000;

async function publish(bus: TestBus, event: object): Promise<number> {
  return (await bus.call("publish_event", { event_type: "note", payload: "x", ...event })).event_id;
}

const ids = (text: string) => eventsIn(text).map(({ id }) => id);

describe("what is handed over", () => {
  const CASES: readonly { event: (to: string, own: string) => object; prompt: boolean; tool: boolean }[] = [
    { event: () => ({ event_type: "note" }), prompt: true, tool: false },
    { event: () => ({ event_type: "help_needed" }), prompt: true, tool: true },
    { event: () => ({ event_type: "note", signal_level: "actionable" }), prompt: true, tool: true },
    { event: () => ({ event_type: "help_needed", signal_level: "info" }), prompt: true, tool: false },
    { event: () => ({ event_type: "task_started" }), prompt: false, tool: false },
    { event: () => ({ event_type: "note", signal_level: "lifecycle" }), prompt: false, tool: false },
    { event: (to) => ({ channel: `session:${to}` }), prompt: true, tool: true },
    { event: (to) => ({ channel: `session:${to}`, event_type: "help_needed" }), prompt: true, tool: true },
    { event: () => ({ channel: "repo:mine", event_type: "help_needed" }), prompt: true, tool: true },
    { event: () => ({ channel: "repo:mine" }), prompt: true, tool: false },
    { event: () => ({ channel: "repo:another", event_type: "help_needed" }), prompt: false, tool: false },
    { event: () => ({ channel: "machine:another", event_type: "help_needed" }), prompt: false, tool: false },
    { event: () => ({ channel: "topic:x", event_type: "help_needed" }), prompt: false, tool: false },
    { event: (_, own) => ({ channel: `session:${own}` }), prompt: false, tool: false },
    { event: (to) => ({ session_id: to, event_type: "help_needed" }), prompt: false, tool: false },
    {
      event: (to) => ({ session_id: to, channel: "repo:mine", event_type: "help_needed" }),
      prompt: false,
      tool: false,
    },
  ];

  test.each(["prompt", "tool", "stop"] as const)("by %s", async (name) => {
    const bus = await startBus("binary");
    const reader = await startClient(bus);
    const other = await startClient(bus);
    const repo = (await bus.call("list_sessions")).result.find(
      (one: { session_id: string }) => one.session_id === reader.id,
    ).repo;
    const expected: number[] = [];
    for (const { event, prompt, tool } of CASES) {
      const made = JSON.parse(
        JSON.stringify(event(reader.id, other.id)).replace("repo:mine", `repo:${repo}`),
      );
      const id = await publish(bus, made);
      if (name === "prompt" ? prompt : tool) expected.push(id);
    }
    expect(ids(await reader.read(name))).toEqual(expected);
    expect(await reader.read(name)).toBe("");
  });

  test("machine:, and a direct message by each of the recipient's names", async () => {
    const bus = await startBus("binary");
    const reader = await startClient(bus);
    const { display_id, name, machine } = (await bus.call("list_sessions")).result[0];
    const sent = [];
    for (const channel of [`machine:${machine}`, `session:${display_id}`, `session:${name}`])
      sent.push(await publish(bus, { channel, event_type: "help_needed" }));
    expect(ids(await reader.read("tool"))).toEqual(sent);
  });
});

test("stop says nothing when the turn goes on because of it already; the next prompt does", async () => {
  const bus = await startBus("binary");
  const reader = await startClient(bus);
  const id = await publish(bus, { channel: `session:${reader.id}` });
  expect(await reader.read("stop", { with: { stop_hook_active: true } })).toBe("");
  expect(ids(await reader.read("stop", { with: { stop_hook_active: false } }))).toEqual([id]);
  expect(await reader.read("prompt")).toBe("");
});

test("a subagent's hooks say nothing and take nothing", async () => {
  const bus = await startBus("binary");
  const reader = await startClient(bus);
  const id = await publish(bus, { channel: `session:${reader.id}` });
  for (const name of ["session-start", "prompt", "tool", "stop", "session-end"])
    expect(await reader.run(name, { with: { agent_id: "a1", agent_type: "Explore" } })).toMatchObject({
      ...{ stdout: "", stderr: "", code: 0 },
    });
  const waiter = await reader.wait({ with: { agent_id: "a1" } });
  expect(await waiter.exited).toBe(0);
  expect(ids(await reader.read("prompt"))).toEqual([id]);
});

test("a session that the bus does not know is registered by its prompt, and hears what comes next", async () => {
  const bus = await startBus("binary");
  await publish(bus, { payload: "before it was there" });
  const reader = newClient(bus);
  expect(await reader.read("prompt")).toBe("");
  const id = await publish(bus, { channel: `session:${reader.id}` });
  expect(ids(await reader.read("prompt"))).toEqual([id]);
});

test("an unregistered session is registered again by its prompt, with the mail that waits for it", async () => {
  const bus = await startBus("binary");
  const reader = await startClient(bus);
  await bus.call("unregister_session", { session_id: reader.id });
  const id = await publish(bus, { channel: `session:${reader.id}` });
  expect(ids(await reader.read("prompt"))).toEqual([id]);
  expect((await bus.call("list_sessions")).result).toHaveLength(1);
});

/** Prompts until nothing comes; each text is checked, and the ids are returned in the order they came. */
async function drain(read: () => Promise<string>): Promise<{ id: number; repeat: boolean }[]> {
  const all: { id: number; repeat: boolean }[] = [];
  for (;;) {
    const text = await read();
    if (text === "") return all;
    const events = eventsIn(text);
    expect(events.length).toBeGreaterThan(0);
    expect(events.length).toBeLessThanOrEqual(MOST_EVENTS);
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(MOST_BYTES);
    all.push(...events);
  }
}

const BACKLOGS: readonly { backlog: string; payload: (i: number) => string; count: number }[] = [
  { backlog: "many short ones", payload: (i) => `event ${i}`, count: 70 },
  { backlog: "long ones", payload: (i) => `${i} ${"word ".repeat(200)}`, count: 25 },
  { backlog: "longer than is shown", payload: (i) => `${i} ${"x".repeat(5_000)}`, count: 9 },
  { backlog: "short and long in turns", payload: (i) => (i % 3 ? "short" : "long ".repeat(390)), count: 50 },
  { backlog: "of characters of four bytes", payload: () => "🦕".repeat(1_500), count: 7 },
  { backlog: "of invisible characters", payload: () => "\u200b".repeat(3_000), count: 5 },
  { backlog: "of lines", payload: () => "\n".repeat(3_000), count: 6 },
];

describe.each(BACKLOGS)("a backlog: $backlog", ({ payload, count }) => {
  test.each(["prompt", "tool"] as const)(
    "comes whole, in order, once, over several runs of %s",
    async (name) => {
      const bus = await startBus("binary");
      const reader = await startClient(bus);
      const sent: number[] = [];
      for (let i = 0; i < count; i++) {
        const channel = i % 2 === 0 ? "all" : `session:${reader.id}`;
        sent.push(await publish(bus, { channel, payload: payload(i), event_type: "help_needed" }));
      }
      const came = await drain(() => reader.read(name));
      expect(came.map(({ id }) => id)).toEqual(sent);
      expect(came.filter(({ repeat }) => repeat)).toEqual([]);
    },
  );
});

test("what comes during a backlog is neither lost nor handed over twice, by tool and prompt in turns", async () => {
  const bus = await startBus("binary");
  const reader = await startClient(bus);
  const sent: number[] = [];
  const came: number[] = [];
  for (let round = 0; round < 6; round++) {
    for (let i = 0; i < 12; i++) {
      const channel = i % 3 === 0 ? `session:${reader.id}` : "all";
      const event_type = i % 2 === 0 ? "note" : "help_needed";
      sent.push(await publish(bus, { channel, event_type, payload: "word ".repeat(i % 4 === 0 ? 300 : 3) }));
    }
    came.push(...ids(await reader.read(round % 2 === 0 ? "tool" : "prompt")));
  }
  came.push(...(await drain(() => reader.read("prompt"))).map(({ id }) => id));
  expect(came.toSorted((a, b) => a - b)).toEqual(sent);
});

test("hooks that run at the same moment hand every event over once", async () => {
  const bus = await startBus("binary");
  const reader = await startClient(bus);
  const sent: number[] = [];
  for (let i = 0; i < 10; i++) {
    const channel = i % 2 === 0 ? "all" : `session:${reader.id}`;
    sent.push(await publish(bus, { channel, event_type: "help_needed" }));
  }
  const texts = await Promise.all(
    Array.from({ length: 6 }, (_, i) => reader.read(i < 5 ? "tool" : "prompt")),
  );
  expect(texts.flatMap(eventsIn)).toEqual(sent.map((id) => ({ id, repeat: false })));
  expect(await reader.read("prompt")).toBe("");
});

test("the line about the rest says how many there are, and from whom", async () => {
  const bus = await startBus("binary");
  const reader = await startClient(bus);
  const [one, other] = [await startClient(bus), await startClient(bus)];
  for (let i = 0; i < 32; i++) {
    const session_id = i < 25 ? one.id : other.id;
    await publish(bus, { session_id, channel: `session:${reader.id}` });
  }
  const names = Object.fromEntries(
    (await bus.call("list_sessions")).result.map((session: { session_id: string; name: string }) => [
      session.session_id,
      session.name,
    ]),
  );
  const text = await reader.read("prompt");
  expect(ids(text)).toHaveLength(MOST_EVENTS);
  expect(text).toContain(`\n12 more: 5 from ${names[one.id]}, 7 from ${names[other.id]}. They come next;`);
  expect(await reader.read("prompt")).not.toContain(" more: ");
});
