import { expect, test } from "bun:test";
import { startBus, type TestBus } from "../support/bus.ts";
import { type Client, ended, shown, startClient, told } from "../support/hooks.ts";
import { eventually } from "../support/webhook.ts";

/** A client's own prompt when it is woken. */
const WAKING = {
  prompt: "<task-notification>\n<summary>bus: a message woke this session</summary>\n</task-notification>",
};

async function send(bus: TestBus, from: string, to: string, payload: string): Promise<number> {
  const message = { event_type: "note", payload, session_id: from, channel: `session:${to}` };
  return (await bus.call("publish_event", message)).event_id;
}

async function reachOf(bus: TestBus, { id }: Client): Promise<string> {
  const { result } = await bus.call("list_sessions");
  return result.find(({ session_id }: { session_id: string }) => session_id === id).reach;
}

/** Lets the client wait, and wakes it by a message. Returns the message's id. */
async function wake(bus: TestBus, client: Client, payload: string, from = "someone"): Promise<number> {
  const waiter = await client.wait();
  await eventually("the session waits", async () => (await reachOf(bus, client)) === "wakes", 30_000);
  const id = await send(bus, from, client.id, payload);
  const { code, stderr } = await ended(waiter);
  expect([code, stderr.includes(payload)]).toEqual([2, true]);
  return id;
}

test.each([
  ["prompt", WAKING],
  ["prompt of the user, which came at that moment", { prompt: "hello" }],
  ["tool", { tool_name: "Bash" }],
] as const)(
  "the first %s of the turn shows what woke the session, once, and the agent reads nothing twice",
  async (name, fields) => {
    const bus = await startBus("binary");
    const client = await startClient(bus);
    const id = await wake(bus, client, "are you there?");
    const ran = await client.run(name === "tool" ? "tool" : "prompt", { with: fields });
    expect(shown(ran)).toBe(`bus: someone → this session: "are you there?" (#${id})`);
    expect(told(ran)).toBe("");
    for (const next of ["prompt", "tool", "stop"] as const) expect((await client.run(next)).stdout).toBe("");
  },
);

test.each(["plain", "json"])(
  "in the format %s, which has no line for a user, nothing is told twice",
  async (format) => {
    const bus = await startBus("binary");
    const client = await startClient(bus);
    await wake(bus, client, "are you there?");
    const { stdout } = await client.run("prompt", { with: WAKING, args: ["--format", format] });
    expect(stdout).toBe("");
  },
);

test("several events that woke a session are one line, and a message that came since is another", async () => {
  const bus = await startBus("binary");
  const client = await startClient(bus);
  const ids = [await send(bus, "x", client.id, "first"), await send(bus, "x", client.id, "second")];
  const { code } = await ended(await client.wait());
  expect(code).toBe(2);
  const late = await send(bus, "y", client.id, "third");
  const ran = await client.run("prompt", { with: WAKING });
  expect(shown(ran).split("\n")).toEqual([
    `bus: x → this session: "first" (#${ids[0]}) and 1 more`,
    `bus: y → this session: "third" (#${late})`,
  ]);
  expect(told(ran)).not.toContain("first");
  expect(told(ran)).toContain("third");
});

test("events that are only counted are one line too", async () => {
  const bus = await startBus("binary");
  const client = await startClient(bus);
  for (const payload of ["a", "b"]) await bus.call("publish_event", { event_type: "note", payload });
  const ran = await client.run("prompt");
  expect(shown(ran)).toMatch(/^bus: 2 events since \d\d:\d\d$/);
  expect(told(ran)).toContain("2 note from anonymous");
});

test("what a client prompts when it is woken is no prompt of the user: two that thank each other are stopped", async () => {
  const bus = await startBus("binary");
  const [a, b] = [await startClient(bus), await startClient(bus)];
  for (let i = 0; i < 6; i++) {
    const [from, to] = i % 2 === 0 ? [a, b] : [b, a];
    await wake(bus, to, `thanks ${i}`, from.id);
    await to.run("prompt", { with: WAKING });
  }
  await send(bus, a.id, b.id, "thanks again");
  expect((await b.run("stop")).stdout).toBe("");
  await b.run("prompt", { with: { prompt: "go on", source: "loop_wakeup" } });
  await send(bus, a.id, b.id, "thanks once more");
  expect((await b.run("stop")).stdout).toBe("");
  await b.run("prompt", { with: { prompt: "what is new?" } });
  await send(bus, a.id, b.id, "and now?");
  expect(told(await b.run("stop"))).toContain("and now?");
});
