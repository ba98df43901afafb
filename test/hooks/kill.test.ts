import { describe, expect, test } from "bun:test";
import { basename } from "node:path";
import { binary } from "../support/binary.ts";
import { startBus, type TestBus } from "../support/bus.ts";
import { type Stop, startGate } from "../support/gate.ts";
import {
  type Client,
  ended,
  eventsIn,
  newClient,
  PATIENT,
  spawnHook,
  startClient,
  told,
} from "../support/hooks.ts";

const STEPS: readonly { step: string; stop: Stop; written: boolean; again: boolean }[] = [
  {
    step: "before the bus was asked",
    stop: { tool: "collect_events", when: "before" },
    ...{ written: false, again: true },
  },
  {
    step: "before it has the bus's answer",
    stop: { tool: "collect_events", when: "after" },
    ...{ written: false, again: true },
  },
  {
    step: "after it wrote the text, before the bus is told",
    stop: { tool: "confirm_events", when: "before" },
    ...{ written: true, again: true },
  },
  {
    step: "after the bus was told",
    stop: { tool: "confirm_events", when: "after" },
    ...{ written: true, again: false },
  },
];

const KINDS: readonly { kind: string; channel(to: Client): string }[] = [
  { kind: "a direct message", channel: (to: Client) => `session:${to.id}` },
  { kind: "an event for its repository", channel: (to: Client) => `repo:${basename(to.cwd)}` },
];

const HOOKS = [
  { name: "prompt", input: {} },
  { name: "tool", input: {} },
  { name: "stop", input: { stop_hook_active: false } },
  { name: "wait", input: {} },
] as const;

/** Runs a hook through a gate and kills it where its call stops; returns what it wrote. */
async function killed(client: Client, bus: TestBus, name: string, stop: Stop): Promise<string> {
  const gate = startGate(bus, stop);
  const hook = await spawnHook(name, {
    url: gate.url,
    env: { CLAUDE_PID: String(client.pid), CLAUDE_CODE_ENTRYPOINT: "cli" },
  });
  hook.stdin.write(JSON.stringify({ session_id: client.id, cwd: client.cwd }));
  await hook.stdin.end();
  await gate.stopped;
  hook.kill("SIGKILL");
  const { stdout, stderr } = await ended(hook);
  return name === "wait" ? stderr : told({ stdout });
}

describe.each(HOOKS)("hook $name", ({ name }) => {
  // An event for a repository wakes nobody.
  for (const { kind, channel } of name === "prompt" || name === "tool" ? KINDS : KINDS.slice(0, 1))
    for (const { step, stop, written, again } of STEPS)
      test(`killed ${step}: ${kind} is not lost, and what may be a repeat says so`, async () => {
        const bus = await startBus("binary");
        const client = await startClient(bus);
        const { event_id } = await bus.call("publish_event", {
          event_type: "help_needed",
          payload: "the message",
          channel: channel(client),
        });
        const first = await killed(client, bus, name, stop);
        expect(eventsIn(first)).toEqual(written ? [{ id: event_id, repeat: false }] : []);
        const second = eventsIn(await client.read("prompt"));
        const collected = !(stop.tool === "collect_events" && stop.when === "before");
        expect(second).toEqual(again ? [{ id: event_id, repeat: collected }] : []);
        expect(await client.read("prompt")).toBe("");
        expect(await client.read("tool")).toBe("");
      });
});

test("a prompt of which a killed client told nothing is no sign that its model has read what woke it", async () => {
  const bus = await startBus("binary");
  const client = await startClient(bus);
  const waiter = await client.wait();
  const { event_id } = await bus.call("publish_event", {
    event_type: "note",
    payload: "x",
    channel: `session:${client.id}`,
  });
  expect(eventsIn((await ended(waiter)).stderr)).toEqual([{ id: event_id, repeat: false }]);
  await client.run("prompt", { input: "", env: { CLAUDE_CODE_SESSION_ID: client.id } });
  await client.kill();
  const again = newClient(bus, { id: client.id, cwd: client.cwd });
  await again.read("session-start");
  expect(eventsIn(await again.read("prompt"))).toEqual([{ id: event_id, repeat: true }]);
});

test("a hook killed while it registers its session loses nothing", async () => {
  for (const stop of [
    { tool: "start_session", when: "before" },
    { tool: "start_session", when: "after" },
    { tool: "collect_events", when: "before", nth: 2 },
    { tool: "collect_events", when: "after", nth: 2 },
  ] as const) {
    const bus = await startBus("binary");
    const client = await startClient(bus);
    const { event_id } = await bus.call("publish_event", {
      event_type: "note",
      payload: "the message",
      channel: `session:${client.id}`,
    });
    await bus.call("unregister_session", { session_id: client.id });
    expect(await killed(client, bus, "prompt", stop)).toBe("");
    expect(eventsIn(await client.read("prompt")).map(({ id }) => id)).toEqual([event_id]);
    expect(await client.read("prompt")).toBe("");
  }
});

test("a bus killed before it wrote down that a message was seen hands it over once more, marked", async () => {
  const bus = await startBus("binary");
  const client = await startClient(bus);
  const { event_id } = await bus.call("publish_event", {
    event_type: "note",
    payload: "the message",
    channel: `session:${client.id}`,
  });
  const gate = startGate(bus, { tool: "confirm_events", when: "before" });
  const prompt = client.run("prompt", { url: gate.url });
  await gate.stopped;
  await bus.kill();
  expect(eventsIn(told(await prompt))).toEqual([{ id: event_id, repeat: false }]);
  await startBus("binary", { folder: bus.folder, port: bus.port });
  expect(eventsIn(await client.read("prompt"))).toEqual([{ id: event_id, repeat: true }]);
  expect(await client.read("prompt")).toBe("");
});

// Its other end is closed before the hook starts.
const CLOSED = 'mkfifo go; { read _ < go; "$@" < in; echo $? >&2; } | { exec 0<&-; echo > go; }';
const FULL = '"$@" < in > /dev/full; echo $? >&2';

test.each([
  ["a full disk", FULL],
  ["a closed pipe", CLOSED],
])("what could not be written to %s is not lost", async (_, script) => {
  const bus = await startBus("binary");
  const client = await startClient(bus);
  const { event_id } = await bus.call("publish_event", {
    event_type: "note",
    payload: "the message",
    channel: `session:${client.id}`,
  });
  await Bun.write(`${client.cwd}/in`, JSON.stringify({ session_id: client.id, cwd: client.cwd }));
  const ran = Bun.spawnSync(["bash", "-c", script, "bash", binary, "hook", "prompt"], {
    cwd: client.cwd,
    env: {
      PATH: process.env.PATH ?? "",
      AGENT_EVENT_BUS_URL: bus.url,
      CLAUDE_PID: String(client.pid),
      ...PATIENT,
    },
  });
  expect(ran.stderr.toString()).toBe("0\n");
  expect(eventsIn(await client.read("prompt"))).toEqual([{ id: event_id, repeat: true }]);
});
