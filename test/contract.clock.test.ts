import { expect, test } from "bun:test";
import { join, newest, publish, resume } from "./support/agent.ts";
import { silent, startHere, type TestBus } from "./support/bus.ts";

const DAY = 24 * 60 * 60 * 1000;
const START = Date.UTC(2026, 4, 17, 12, 30, 15, 250);

interface Clock {
  bus: TestBus;
  /** Lets time pass, ms. */
  pass(ms: number): void;
  iso(): string;
}

async function withClock(log = silent): Promise<Clock> {
  let now = START;
  const bus = await startHere({ now: () => now, log });
  return {
    bus,
    pass(ms) {
      now += ms;
    },
    iso: () => new Date(now).toISOString(),
  };
}

// biome-ignore lint/suspicious/noExplicitAny: tests look into it
async function present(bus: TestBus): Promise<any[]> {
  return (await bus.call("list_sessions")).result;
}

async function ids(bus: TestBus): Promise<string[]> {
  return (await present(bus)).map((session) => session.session_id);
}

test("timestamps are the moment of the commit, UTC with milliseconds", async () => {
  const { bus, pass, iso } = await withClock();
  const { session_id } = await join(bus);
  expect((await newest(bus)).timestamp).toBe("2026-05-17T12:30:15.250Z");
  pass(1);
  await publish(bus);
  expect((await newest(bus)).timestamp).toBe(iso());
  const url = "http://127.0.0.1:9/";
  expect((await bus.call("register_webhook", { url, event_types: ["never"] })).created_at).toBe(iso());
  await bus.call("unregister_session", { session_id });
  expect((await resume(bus, session_id)).deleted_at).toBe(iso());
});

test("a session is live for 24 hours after it was heard of, and not longer", async () => {
  const { bus, pass } = await withClock();
  const { session_id } = await join(bus);
  pass(DAY - 1);
  expect(await ids(bus)).toEqual([session_id]);
  expect((await bus.call("list_channels")).result).not.toEqual([]);
  pass(1);
  expect(await ids(bus)).toEqual([]);
  expect((await bus.call("list_channels")).result).toEqual([]);
  const warned = await bus.call("publish_event", {
    event_type: "note",
    payload: "x",
    channel: `session:${session_id}`,
  });
  expect(warned.warning).toContain("gone");
});

const HEARTBEATS: [tool: string, args: Record<string, unknown>][] = [
  ["publish_event", { event_type: "note", payload: "x" }],
  ["get_events", {}],
  ["get_events", { resume: true, peek: true }],
  ["get_events", { channel: "all", limit: 0 }],
  ["ack_events", { cursor: "0", allow_rewind: true }],
  ["ack_events", { cursor: "not one" }],
];

for (const [tool, args] of HEARTBEATS)
  test(`${tool} ${JSON.stringify(args)} refreshes the heartbeat`, async () => {
    const { bus, pass, iso } = await withClock();
    const { session_id } = await join(bus);
    pass(DAY - 1);
    await bus.call(tool, { session_id, ...args });
    await publish(bus, "the write after it");
    expect(await present(bus)).toMatchObject([{ session_id, last_heartbeat: iso() }]);
    pass(DAY - 1);
    expect(await ids(bus)).toEqual([session_id]);
  });

test("registering again refreshes the heartbeat and brings a forgotten session back", async () => {
  const { bus, pass, iso } = await withClock();
  const { session_id } = await join(bus);
  pass(3 * DAY);
  expect(await ids(bus)).toEqual([]);
  expect(await join(bus, { client_id: session_id })).toMatchObject({ resumed: true, active_sessions: 1 });
  expect(await present(bus)).toMatchObject([{ last_heartbeat: iso(), age_seconds: 3 * 86_400 }]);
});

test("a session that slept for days and speaks again is live again", async () => {
  const { bus, pass } = await withClock();
  const { session_id } = await join(bus);
  pass(3 * DAY);
  await publish(bus, "awake", { session_id });
  await publish(bus, "the write after it");
  expect(await ids(bus)).toEqual([session_id]);
});

test("looking around refreshes nobody", async () => {
  const { bus, pass } = await withClock();
  await join(bus);
  const [{ last_heartbeat }] = (await present(bus)) as [{ last_heartbeat: string }];
  pass(60_000);
  for (const tool of ["list_sessions", "list_channels", "list_webhooks", "get_events"]) await bus.call(tool);
  expect(await present(bus)).toMatchObject([{ last_heartbeat, age_seconds: 60 }]);
});

test("sessions are listed by who was active last", async () => {
  const { bus, pass } = await withClock();
  const joined: string[] = [];
  for (let i = 0; i < 3; i++) {
    joined.push((await join(bus)).session_id);
    pass(2_000);
  }
  expect(await ids(bus)).toEqual([...joined].reverse());
  await publish(bus, "x", { session_id: joined[0] });
  await publish(bus, "the write after it");
  expect(await ids(bus)).toEqual([joined[0], joined[2], joined[1]] as string[]);
});

test("a deleted session is warned about once for each tool, not once for each call", async () => {
  const warnings: string[] = [];
  const { bus } = await withClock({ ...silent, warn: (message) => warnings.push(message) });
  const [a, b] = [await join(bus), await join(bus)];
  for (const { session_id } of [a, b]) {
    await bus.call("unregister_session", { session_id });
    for (let i = 0; i < 3; i++) {
      await resume(bus, session_id);
      await bus.call("ack_events", { session_id, cursor: "1" });
      await publish(bus, "x", { session_id });
    }
  }
  expect(warnings).toHaveLength(6);
  for (const { session_id } of [a, b])
    for (const tool of ["get_events", "ack_events", "publish_event"])
      expect(warnings.filter((line) => line.includes(session_id) && line.includes(tool))).toHaveLength(1);
});
