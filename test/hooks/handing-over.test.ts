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
  type On = "shown" | "counted" | "";
  /** How an event of another session comes at a prompt, a tool use and a stop. */
  const CASES: readonly [event: (to: string, own: string) => object, prompt: On, tool: On, stop: On][] = [
    [() => ({ event_type: "note" }), "counted", "", ""],
    [() => ({ event_type: "help_needed" }), "counted", "", ""],
    [() => ({ event_type: "help_needed", signal_level: "info" }), "counted", "", ""],
    [() => ({ event_type: "task_started" }), "", "", ""],
    [() => ({ event_type: "note", signal_level: "lifecycle" }), "", "", ""],
    [(to) => ({ channel: `session:${to}` }), "shown", "shown", "shown"],
    [(to) => ({ channel: `session:${to}`, event_type: "help_needed" }), "shown", "shown", "shown"],
    [() => ({ channel: "repo:mine", event_type: "help_needed" }), "shown", "shown", "shown"],
    [() => ({ channel: "repo:mine", signal_level: "actionable" }), "shown", "shown", "shown"],
    [() => ({ channel: "repo:mine" }), "counted", "", ""],
    [() => ({ channel: "repo:another", event_type: "help_needed" }), "", "", ""],
    [() => ({ channel: "machine:another", event_type: "help_needed" }), "", "", ""],
    [() => ({ channel: "topic:x", event_type: "help_needed" }), "", "", ""],
    [(_, own) => ({ channel: `session:${own}` }), "", "", ""],
    [(to) => ({ session_id: to, event_type: "help_needed" }), "", "", ""],
    [(to) => ({ session_id: to, channel: "repo:mine", event_type: "help_needed" }), "", "", ""],
  ];

  test.each(["prompt", "tool", "stop"] as const)("by %s", async (name) => {
    const bus = await startBus("binary");
    const reader = await startClient(bus);
    const other = await startClient(bus);
    const repo = (await bus.call("list_sessions")).result.find(
      (one: { session_id: string }) => one.session_id === reader.id,
    ).repo;
    const expected: number[] = [];
    let counted = 0;
    for (const [event, prompt, tool, stop] of CASES) {
      const made = JSON.parse(
        JSON.stringify(event(reader.id, other.id)).replace("repo:mine", `repo:${repo}`),
      );
      const id = await publish(bus, made);
      const on = { prompt, tool, stop }[name];
      if (on === "shown") expected.push(id);
      if (on === "counted") counted++;
    }
    const text = await reader.read(name);
    expect(ids(text)).toEqual(expected);
    expect(Number(/^(\d+) other events since/m.exec(text)?.[1] ?? 0)).toBe(counted);
    expect(await reader.read(name)).toBe("");
  });

  test("machine:, and a direct message by each of the recipient's names", async () => {
    const bus = await startBus("binary");
    const reader = await startClient(bus);
    const { display_id, name, machine } = (await bus.call("list_sessions")).result[0];
    const sent = [];
    for (const channel of [`machine:${machine}`, `session:${display_id}`, `session:${name}`])
      sent.push(await publish(bus, { channel, event_type: "help_needed" }));
    // Direct messages come first.
    expect(ids(await reader.read("tool"))).toEqual([...sent.slice(1), ...sent.slice(0, 1)]);
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
      for (let i = 0; i < count; i++)
        sent.push(await publish(bus, { channel: `session:${reader.id}`, payload: payload(i) }));
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
  let counted = 0;
  const read = async (name: "tool" | "prompt") => {
    const text = await reader.read(name);
    counted += Number(/^(\d+) (?:other )?events? since/m.exec(text)?.[1] ?? 0);
    came.push(...ids(text));
    return text;
  };
  for (let round = 0; round < 6; round++) {
    for (let i = 0; i < 12; i++) {
      const payload = "word ".repeat(i % 4 === 0 ? 300 : 3);
      if (i % 3 === 0) sent.push(await publish(bus, { channel: `session:${reader.id}`, payload }));
      else await publish(bus, { channel: "all", payload, event_type: i % 2 === 0 ? "note" : "help_needed" });
    }
    await read(round % 2 === 0 ? "tool" : "prompt");
  }
  while ((await read("prompt")) !== "");
  expect(came.toSorted((a, b) => a - b)).toEqual(sent);
  expect(counted).toBe(6 * 8);
});

test("hooks that run at the same moment hand every event over once", async () => {
  const bus = await startBus("binary");
  const reader = await startClient(bus);
  const sent: number[] = [];
  for (let i = 0; i < 10; i++) sent.push(await publish(bus, { channel: `session:${reader.id}` }));
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
  expect(text).toContain(
    `\n12 more: 5 from ${names[one.id]}, 7 from ${names[other.id]}. They come with the next tool use or prompt.`,
  );
  expect(await reader.read("prompt")).not.toContain(" more: ");
});

test("a prompt of the mod gets nothing beside it, and the message stays unread", async () => {
  const bus = await startBus("binary");
  const reader = await startClient(bus);
  const id = await publish(bus, { channel: `session:${reader.id}` });
  const prompt = "<agent-event-bus>\nAn event from another agent session.\n</agent-event-bus>";
  expect(await reader.read("prompt", { with: { prompt } })).toBe("");
  expect(ids(await reader.read("prompt", { with: { prompt: "hello" } }))).toEqual([id]);
});
