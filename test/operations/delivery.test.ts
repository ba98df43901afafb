import { expect, test } from "bun:test";
import { fresh, join, newest, publish, resume } from "../support/agent.ts";
import { startBus, startHere } from "../support/bus.ts";
import { cli, cliOnTerminal } from "../support/cli.ts";
import { hookProcess, sleeper, startClient } from "../support/client.ts";
import { eventually } from "../support/webhook.ts";

const bus = await startHere();

const toSession = (session_id: string, payload = fresh("mail")) =>
  publish(bus, payload, { channel: `session:${session_id}` });

// biome-ignore lint/suspicious/noExplicitAny: tests look into it
async function stateOf(event_id: number): Promise<any> {
  const { deliveries } = await bus.call("get_delivery", { event_id });
  expect(deliveries).toHaveLength(1);
  return deliveries[0];
}

test.each(["prompt", "tool", "stop", "wake"] as const)(
  "stored, offered by %s, seen, acked: each with its time",
  async (path) => {
    const client = await startClient(bus);
    const id = await toSession(client.session_id);
    expect(await stateOf(id)).toMatchObject({
      recipient: client.session_id,
      name: client.name,
      state: "stored",
      offered_at: null,
      offered_by: null,
      seen_at: null,
      acked_at: null,
      reach: "next_tool",
    });
    const took = await bus.call("collect_events", { client_id: client.client_id, path, wait_seconds: 5 });
    expect(took.events.map((event: { id: number }) => event.id)).toEqual([id]);
    const offered = await stateOf(id);
    expect(offered).toMatchObject({ state: "offered", offered_by: path, seen_at: null });
    await bus.call("confirm_events", { client_id: client.client_id, event_ids: [String(id)] });
    const seen = await stateOf(id);
    expect(seen).toMatchObject({
      state: "seen",
      offered_at: offered.offered_at,
      offered_by: path,
      acked_at: null,
    });
    await bus.call("ack_events", { session_id: client.session_id, cursor: String(id) });
    const acked = await stateOf(id);
    expect(acked).toMatchObject({ state: "acked", seen_at: seen.seen_at, offered_by: path });
    for (const at of [acked.offered_at, acked.seen_at, acked.acked_at]) expect(at).toMatch(/^\d{4}-.*Z$/);
    expect([acked.offered_at, acked.seen_at, acked.acked_at].toSorted()).toEqual([
      acked.offered_at,
      acked.seen_at,
      acked.acked_at,
    ]);
  },
);

test("what a hook took and did not confirm is unread, and comes again as a possible repeat", async () => {
  const client = await startClient(bus);
  const id = await toSession(client.session_id);
  const take = () => bus.call("collect_events", { client_id: client.client_id, path: "tool" });
  expect((await take()).events[0].repeat).toBeUndefined();
  expect((await bus.call("list_sessions")).result[0].unread).toBe(1);
  expect((await take()).events[0].repeat).toBe(true);
  await client.hook("prompt");
  expect(client.shown[0]?.text).toContain("may be a repeat");
  expect(await stateOf(id)).toMatchObject({ state: "seen", offered_by: "prompt" });
  expect((await take()).events).toEqual([]);
});

test("confirming what was not for the session, or what does not exist, changes nothing", async () => {
  const [one, two] = [await startClient(bus), await startClient(bus)];
  const id = await toSession(one.session_id);
  const tip = (await newest(bus)).id;
  await bus.call("confirm_events", {
    client_id: two.client_id,
    event_ids: [String(id), "x", "-1", String(tip + 9)],
    cursor: String(tip + 9),
  });
  expect((await stateOf(id)).state).toBe("stored");
  expect((await one.hook("tool")).events).toHaveLength(1);
  expect((await bus.call("confirm_events", { client_id: fresh(), event_ids: [] })).unknown).toBe(true);
});

test("mail that a session reads itself is seen, by the path read; peeked at or narrowed it is not", async () => {
  const session = await join(bus);
  const id = await toSession(session.session_id);
  for (const kept of [
    { peek: true },
    { channel: `session:${session.session_id}` },
    { event_types: ["note"] },
  ]) {
    const { events } = await resume(bus, session.session_id, kept);
    expect(events.some((event: { id: number }) => event.id === id)).toBe(true);
    expect((await stateOf(id)).state).toBe("stored");
  }
  await resume(bus, session.session_id);
  expect(await stateOf(id)).toMatchObject({ state: "seen", offered_by: "read" });
});

test("an answer to a message acknowledges it, one of somebody else does not", async () => {
  const [recipient, other] = [await join(bus), await join(bus)];
  const id = await toSession(recipient.session_id);
  await bus.call("reply", { event_id: id, payload: "me", session_id: other.session_id });
  await bus.call("reply", { event_id: id, payload: "who" });
  expect((await stateOf(id)).state).toBe("stored");
  await bus.call("reply", { event_id: id, payload: "yes", session_id: recipient.session_id });
  expect(await stateOf(id)).toMatchObject({ state: "acked" });
});

test("what is no direct message has no delivery, and what does not exist is said so", async () => {
  const id = await publish(bus);
  expect(await bus.call("get_delivery", { event_id: id })).toEqual({
    error: `Event ${id} is not a direct message. Its channel is all.`,
    event_id: id,
  });
  expect((await bus.call("get_delivery", { event_id: id + 99 })).error).toBe(`There is no event ${id + 99}.`);
  // A message to oneself is no mail.
  const own = await join(bus);
  const self = await publish(bus, "me", { channel: `session:${own.session_id}`, session_id: own.session_id });
  expect((await bus.call("get_delivery", { event_id: self })).deliveries).toEqual([]);
});

test("a message that is waited for tells as soon as it was seen", async () => {
  const client = await startClient(bus);
  const id = await toSession(client.session_id);
  const waiting = bus.call("get_delivery", { event_id: id, wait_seconds: 60 });
  const shown = cli(["message", String(id), "--wait", "60"], { bus });
  const json = cli(["message", String(id), "--wait", "60", "--json"], { bus });
  await Bun.sleep(300);
  await client.hook("tool");
  expect((await waiting).deliveries[0].state).toBe("seen");
  const { code, stdout } = await shown;
  expect([code, stdout]).toEqual([
    0,
    expect.stringMatching(new RegExp(`^${client.name}: seen .*\\(tool\\), at its next tool use\n$`)),
  ]);
  expect((await json).json().deliveries[0]).toMatchObject({ state: "seen", offered_by: "tool" });
});

test("message tells how far it came, and fails for what is no message", async () => {
  const { session_id } = await join(bus, { name: "polls" });
  const id = await toSession(session_id);
  const stored = await cli(["message", String(id)], { bus });
  expect([stored.code, stored.stdout]).toEqual([0, "polls: stored, only when it polls\n"]);
  const waited = await cli(["message", String(id), "--wait", "1"], { bus });
  expect([waited.code, waited.stdout]).toEqual([0, stored.stdout]);
  const nobody = await cli(["message", String(await publish(bus, "x", { channel: "@none" }))], { bus });
  expect(nobody.stdout).toBe("@none: stored, not here\n");
  for (const [number, says] of [
    [String(await publish(bus)), "is not a direct message"],
    ["99999", "There is no event"],
  ] as const) {
    const failed = await cli(["message", number], { bus });
    expect([failed.code, failed.stdout]).toEqual([1, ""]);
    expect(failed.stderr).toContain(says);
    expect((await cli(["message", number, "--json"], { bus })).code).toBe(1);
  }
  expect((await cli(["message"], { bus })).code).toBe(64);
  expect((await cli(["message", "x"], { bus })).code).toBe(64);
});

test("publish --track waits until the message was seen, and tells", async () => {
  const client = await startClient(bus);
  const waiting = client.hook("wake", { wait_seconds: 30 });
  await eventually("it waits", async () => (await bus.call("list_sessions")).result[0].reach === "wakes");
  const line = [
    "publish",
    "--type",
    "n",
    "--payload",
    "p",
    "--channel",
    `session:${client.session_id}`,
    "--track",
  ];
  const tracked = await cliOnTerminal(line, { bus, env: { NO_COLOR: "1" } });
  await waiting;
  expect(tracked.replaceAll("\r", "")).toContain(
    `to ${client.session_id} (wakes within 1 s)\n  ${client.name}: seen, `,
  );
  const again = client.hook("wake", { wait_seconds: 30 });
  const json = (await cli([...line, "--json"], { bus })).json();
  await again;
  expect(json.deliveries).toMatchObject([
    { recipient: client.session_id, state: "seen", offered_by: "wake" },
  ]);
});

test("publish --track of what is no message tells no delivery, and of one that nobody can see it says so", async () => {
  const all = (await cli(["publish", "--type", "n", "--payload", "p", "--track", "--json"], { bus })).json();
  expect([all.channel, all.deliveries]).toEqual(["all", []]);
  const began = performance.now();
  const nobody = await cli(["publish", "--type", "n", "--payload", "p", "--channel", "@none", "--track"], {
    bus,
  });
  // It does not wait for nobody.
  expect(performance.now() - began).toBeLessThan(9_000);
  expect(nobody.code).toBe(0);
  const { deliveries } = JSON.parse(nobody.stdout);
  expect(deliveries).toMatchObject([{ recipient: "@none", state: "stored", reach: "not_here" }]);
  expect(nobody.stderr).toContain("No live session holds the name @none.");
});

test("publish --track of a message that is not seen in time tells so, and is done", async () => {
  const { session_id, name } = await join(bus, { name: fresh("polls") });
  const line = ["publish", "--type", "n", "--payload", "p", "--channel", `session:${session_id}`, "--track"];
  const { code, stdout, stderr } = await cli(line, { bus });
  expect([code, stderr]).toEqual([0, ""]);
  expect(JSON.parse(stdout).deliveries).toMatchObject([{ name, state: "stored", reach: "polls_only" }]);
});

test("events shows how far a message came", async () => {
  const client = await startClient(bus);
  const id = await toSession(client.session_id);
  const shown = async () => (await cli(["events", "--limit", "1"], { bus })).stdout;
  expect(await shown()).toContain("  not seen yet\n");
  await client.hook("tool");
  expect(await shown()).toContain("  ✓✓ seen\n");
  const { events } = (await cli(["events", "--limit", "1", "--json"], { bus })).json();
  expect(events).toMatchObject([{ id, delivery: "seen" }]);
});

test("real hooks of the compiled program leave a message seen, by the path of each", async () => {
  const own = await startBus("binary");
  const { pid } = sleeper();
  const client = { client_id: fresh(), pid };
  expect(await hookProcess(own, "session-start", client)).toContain("There are no other sessions.");
  for (const path of ["prompt", "tool", "stop"]) {
    const id = await publish(own, `by ${path}`, { channel: `session:${client.client_id}` });
    expect(await hookProcess(own, path, client)).toContain(`by ${path}`);
    await eventually("it is seen", async () => {
      const { deliveries } = await own.call("get_delivery", { event_id: id });
      return deliveries[0].state === "seen" && deliveries[0].offered_by === path;
    });
    expect(await hookProcess(own, path, client)).toBe("");
  }
});
