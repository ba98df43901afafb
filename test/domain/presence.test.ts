import { expect, test } from "bun:test";
import { pidNamespace, processStart } from "../../src/lib/process.ts";
import { fresh, join } from "../support/agent.ts";
import { startBus, startHere, type TestBus } from "../support/bus.ts";
import { hookProcess, sleeper, startClient } from "../support/client.ts";
import { eventually } from "../support/webhook.ts";

const MINUTE = 60_000;
const NOW = Date.UTC(2026, 2, 1, 12);

async function ids(bus: TestBus): Promise<string[]> {
  return (await bus.call("list_sessions")).result.map(({ session_id }: { session_id: string }) => session_id);
}

async function sessionOf(bus: TestBus, session_id: string) {
  return (await bus.call("list_sessions")).result.find(
    (one: { session_id: string }) => one.session_id === session_id,
  );
}

/** A hook's report is saved while its call is answered already. */
const isIn = (bus: TestBus, session_id: string, state: string) =>
  eventually(`state ${state}`, async () => (await sessionOf(bus, session_id))?.state === state);

test("a session of another machine is gone 30 minutes after it was at work, whatever runs here under its number", async () => {
  let now = NOW;
  const bus = await startHere({ now: () => now });
  const far = await startClient(bus, { machine: "elsewhere" });
  await isIn(bus, far.session_id, "busy");
  now += 30 * MINUTE - 1;
  expect(await ids(bus)).toEqual([far.session_id]);
  await far.kill();
  expect(await ids(bus)).toEqual([far.session_id]);
  now += 1;
  expect(await ids(bus)).toEqual([]);
  expect(
    (await bus.call("publish_event", { event_type: "n", payload: "", channel: `session:${far.session_id}` }))
      .warning,
  ).toContain("is gone");
});

test("hooks of another machine renew the lease; an idle session's is 5 minutes long", async () => {
  let now = NOW;
  const bus = await startHere({ now: () => now });
  const far = await startClient(bus, { machine: "elsewhere" });
  for (let i = 0; i < 3; i++) {
    now += 29 * MINUTE;
    await far.hook("tool");
    await isIn(bus, far.session_id, "busy");
  }
  await far.hook("stop");
  await isIn(bus, far.session_id, "idle");
  now += 5 * MINUTE - 1;
  expect(await ids(bus)).toEqual([far.session_id]);
  now += 1;
  expect(await ids(bus)).toEqual([]);
  // It was only silent: its next prompt brings it back.
  await far.hook("prompt");
  await eventually("it is back", async () => (await ids(bus)).length === 1);
});

test("each call of a waiter renews the lease of an idle session of another machine", async () => {
  let now = NOW;
  const bus = await startHere({ now: () => now });
  const far = await startClient(bus, { machine: "elsewhere" });
  await far.hook("stop");
  for (let i = 0; i < 10; i++) {
    now += 4 * MINUTE;
    await far.hook("wake", { wait_seconds: 0 });
    await eventually("the lease is renewed", async () => {
      const session = await sessionOf(bus, far.session_id);
      return Date.parse(session?.last_heartbeat ?? "") === now;
    });
  }
  expect((await sessionOf(bus, far.session_id)).state).toBe("idle");
  now += 5 * MINUTE;
  expect(await ids(bus)).toEqual([]);
});

test("a session of this machine needs no lease while its process runs, and is gone without it", async () => {
  let now = NOW;
  const bus = await startHere({ now: () => now });
  const near = await startClient(bus);
  now += 23 * 60 * MINUTE;
  expect(await ids(bus)).toEqual([near.session_id]);
  await near.kill();
  expect(await ids(bus)).toEqual([]);
});

test("a process that began at another time is not the session's, though it has its number", async () => {
  const bus = await startHere();
  const other = sleeper();
  const pid_started = processStart(process.pid);
  const reused = await startClient(bus, { pid: other.pid, pid_started, pid_namespace: pidNamespace() });
  expect(await ids(bus)).toEqual([]);
  expect(
    (
      await bus.call("publish_event", {
        event_type: "n",
        payload: "",
        channel: `session:${reused.session_id}`,
      })
    ).warning,
  ).toContain("is gone");
  // The one that has the number now is a session of its own, with a mailbox of its own.
  const next = await startClient(bus, { pid: other.pid, pid_started: processStart(other.pid) });
  expect(next.session_id).not.toBe(reused.session_id);
  expect(await ids(bus)).toEqual([next.session_id]);
});

test("a hook process tells its client's process, and its session leaves with it, also for a restarted bus", async () => {
  const bus = await startBus("binary");
  const [one, two] = [sleeper(), sleeper()];
  for (const { pid } of [one, two]) await hookProcess(bus, "session-start", { client_id: `c${pid}`, pid });
  expect((await ids(bus)).sort()).toEqual([`c${one.pid}`, `c${two.pid}`].sort());
  await bus.kill();
  one.kill("SIGKILL");
  await one.exited;
  const again = await startBus("binary", { folder: bus.folder });
  expect(await ids(again)).toEqual([`c${two.pid}`]);
});

test("sessions tells state, how each is reached, what is unread, and when it was last heard of", async () => {
  const bus = await startHere();
  const plain = await join(bus, { name: "plain" });
  const hooked = await startClient(bus);
  await bus.call("publish_event", { event_type: "n", payload: "x", channel: `session:${plain.session_id}` });
  expect(await sessionOf(bus, plain.session_id)).toMatchObject({
    state: null,
    reach: "polls_only",
    unread: 1,
  });
  expect(await sessionOf(bus, hooked.session_id)).toMatchObject({
    state: "busy",
    reach: "next_tool",
    unread: 0,
  });
  const waiting = hooked.hook("wake", { wait_seconds: 20 });
  await isIn(bus, hooked.session_id, "idle");
  expect((await sessionOf(bus, hooked.session_id)).reach).toBe("wakes");
  await bus.call("publish_event", {
    event_type: "n",
    payload: fresh(),
    channel: `session:${hooked.session_id}`,
  });
  expect((await waiting).events).toHaveLength(1);
  await eventually(
    "nobody waits",
    async () => (await sessionOf(bus, hooked.session_id)).reach === "next_prompt",
  );
});

test("a session that registers again without naming its process stays in it: claims of its shell leave no ghost", async () => {
  const bus = await startHere();
  const client = await startClient(bus);
  const claimed = await bus.call("register_session", {
    name: "api",
    client_id: client.client_id,
    repo: "fleet",
    claim: true,
  });
  expect(claimed).toMatchObject({ session_id: client.session_id, claimed: "@api" });
  expect(await sessionOf(bus, client.session_id)).toMatchObject({
    state: "busy",
    reach: "next_tool",
  });
  await client.kill();
  expect(await ids(bus)).toEqual([]);
  // What comes later under its number is no longer that process.
  await bus.call("register_session", { name: "api", client_id: client.client_id, repo: "fleet" });
  expect(await sessionOf(bus, client.session_id)).toMatchObject({ state: null, reach: "polls_only" });
});

test("the lease of a session of another machine holds when it registers again", async () => {
  let now = NOW;
  const bus = await startHere({ now: () => now });
  const far = await startClient(bus, { machine: "elsewhere" });
  await isIn(bus, far.session_id, "busy");
  await bus.call("register_session", { name: "api", client_id: far.client_id, machine: "elsewhere" });
  now += 30 * MINUTE;
  expect(await ids(bus)).toEqual([]);
});

test("a session that waits for something else than its messages is not told to wake at once", async () => {
  const bus = await startHere();
  const { session_id } = await join(bus);
  const reach = async () => (await sessionOf(bus, session_id)).reach;
  const wait = (more: object) =>
    bus.call("get_events", { session_id, order: "asc", wait_seconds: 60, ...more });
  const narrowed = [{ channel: "repo:x" }, { event_types: ["t"] }, { correlation_id: "c" }];
  for (const [i, narrow] of narrowed.entries()) {
    const waiting = wait(narrow);
    await Bun.sleep(100);
    expect(await reach()).toBe("polls_only");
    const found = [{ channel: "repo:x" }, { event_type: "t" }, { correlation_id: "c" }][i];
    await bus.call("publish_event", { event_type: "u", payload: "", ...found });
    expect((await waiting).events).toHaveLength(1);
  }
  await bus.call("get_events", { session_id, resume: true });
  const waiting = wait({ resume: true });
  await eventually("it is reached", async () => (await reach()) === "wakes");
  await bus.call("publish_event", { event_type: "t", payload: "up", channel: `session:${session_id}` });
  await waiting;
});

const DAY = 24 * 60 * MINUTE;

test("a session whose process lives is here and gets its mail, however long the machine slept", async () => {
  let now = NOW;
  const bus = await startHere({ now: () => now });
  const near = await startClient(bus);
  now += 9 * DAY;
  expect(await ids(bus)).toEqual([near.session_id]);
  expect((await bus.call("list_channels")).result).toContainEqual({ channel: "all", subscribers: 1 });
  const message = { event_type: "n", payload: "good morning", channel: `session:${near.name}` };
  expect((await bus.call("publish_event", message)).warning).toBeUndefined();
  expect((await near.hook("prompt")).events).toHaveLength(1);
  now += DAY;
  await near.kill();
  expect(await ids(bus)).toEqual([]);
});

test.each([["this machine", undefined] as const, ["another machine", "elsewhere"] as const])(
  "a session of %s is here while a call waits for it, and is woken after the bus's machine slept for a day",
  async (_where, machine) => {
    let now = NOW;
    const bus = await startHere({ now: () => now });
    const client = await startClient(bus, { ...(machine && { machine }), pid: undefined });
    const waiting = client.hook("wake", { wait_seconds: 60 });
    await eventually("it waits", async () =>
      (await sessionOf(bus, client.session_id))?.reach.startsWith("wakes"),
    );
    now += 2 * DAY;
    expect(await ids(bus)).toEqual([client.session_id]);
    const message = { event_type: "n", payload: "good morning", channel: `session:${client.name}` };
    expect((await bus.call("publish_event", message)).warning).toBeUndefined();
    expect((await waiting).events).toHaveLength(1);
  },
);

test("mail for the name of a client that was killed waits for it: resumed, it reads that", async () => {
  const bus = await startBus("binary");
  const first = sleeper();
  await hookProcess(bus, "session-start", { client_id: "conversation", pid: first.pid });
  const { name, session_id } = await sessionOf(bus, "conversation");
  first.kill("SIGKILL");
  await first.exited;
  const message = { event_type: "question", payload: "are you back?", channel: `session:${name}` };
  const sent = await bus.call("publish_event", message);
  expect(sent).toMatchObject({
    channel: `session:${session_id}`,
    warning: expect.stringContaining("until the session comes back"),
  });
  const resumed = sleeper();
  await hookProcess(bus, "session-start", { client_id: "conversation", pid: resumed.pid });
  expect(await sessionOf(bus, session_id)).toMatchObject({ name, unread: 1 });
  expect(await hookProcess(bus, "prompt", { client_id: "conversation", pid: resumed.pid })).toContain(
    "are you back?",
  );
});

test("mail for a name goes to the living session that has it now, and to nobody while several that are gone had it", async () => {
  const bus = await startHere();
  const gone = await startClient(bus, { name: "api", title: "api" });
  await gone.kill();
  const now = await startClient(bus, { name: "api", title: "api" });
  const tell = () => bus.call("publish_event", { event_type: "n", payload: "x", channel: "session:api" });
  expect(await tell()).toMatchObject({ channel: `session:${now.session_id}` });
  await now.kill();
  expect(await tell()).toMatchObject({
    channel: "session:api",
    warning: expect.stringContaining("No session has"),
  });
});
