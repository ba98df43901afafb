import { expect, test } from "bun:test";
import { processStart } from "../../src/lib/process.ts";
import { fresh, join, publish } from "../support/agent.ts";
import { startBus, startHere, type TestBus } from "../support/bus.ts";
import { cli, cliOnTerminal } from "../support/cli.ts";
import { sleeper, startClient } from "../support/client.ts";

const bus = await startHere();

async function claimsOf(on: TestBus, session_id: string): Promise<string[] | undefined> {
  const { result } = await on.call("list_sessions");
  return result.find((one: { session_id: string }) => one.session_id === session_id)?.claims;
}

const direct = (on: TestBus, channel: string, payload = "p") =>
  on.call("publish_event", { event_type: "n", payload, channel });

const channelOf = ({ session_id }: { session_id: string }) => `session:${session_id}`;

test("a claim is one session's: it gets what is sent to @name, whatever it is called", async () => {
  const name = fresh("api");
  const holder = await join(bus, { name, claim: true });
  expect(holder.claimed).toBe(`@${name}`);
  expect(holder.waiting_mail).toBeUndefined();
  for (const channel of [`@${name}`, `session:@${name}`]) {
    const sent = await direct(bus, channel);
    expect([sent.channel, sent.reach, sent.warning]).toEqual([channelOf(holder), "polls_only", undefined]);
  }
  const asked = await bus.call("ask", { to: `@${name}`, payload: "?", wait_seconds: 0 });
  expect(asked.channel).toBe(channelOf(holder));
  expect(await claimsOf(bus, holder.session_id)).toEqual([name]);
});

test("a claim that a living session holds is refused, with who holds it", async () => {
  const name = fresh("api");
  const holder = await join(bus, { name, claim: true, repo: "r" });
  const other = await join(bus, { name, claim: true, repo: "r" });
  expect(other.claimed).toBeUndefined();
  expect(other.warning).toContain(`your name is ${name}-2.`);
  expect(other.warning).toContain(`@${name} is already held by ${holder.display_id} (${name}, r on `);
  expect(await claimsOf(bus, other.session_id)).toEqual([]);
  expect((await direct(bus, `@${name}`)).channel).toBe(channelOf(holder));
  // Its own claim it may repeat.
  const client_id = fresh();
  const mine = fresh("api");
  for (let i = 0; i < 2; i++)
    expect((await join(bus, { name: mine, claim: true, client_id })).claimed).toBe(`@${mine}`);
});

test("of 20 sessions that claim one name at the same moment one gets it, and the others are told which", async () => {
  const name = fresh("api");
  const all = await Promise.all(Array.from({ length: 20 }, () => join(bus, { name, claim: true })));
  const winners = all.filter(({ claimed }) => claimed !== undefined);
  expect(winners).toHaveLength(1);
  for (const one of all)
    if (one !== winners[0]) expect(one.warning).toContain(`is already held by ${winners[0].display_id} `);
  expect((await direct(bus, `@${name}`)).channel).toBe(channelOf(winners[0]));
});

test("mail for a name that nobody holds waits, is announced to the next holder, and is its own", async () => {
  const name = fresh("api");
  const first = await direct(bus, `@${name}`, "one");
  expect(first).toMatchObject({ channel: `session:@${name}` });
  expect(first.warning).toBe(
    `No live session holds the name @${name}. The event is stored and waits for the next session that claims it.`,
  );
  expect(first.reach).toBeUndefined();
  const delivery = await bus.call("get_delivery", { event_id: first.event_id });
  expect(delivery.deliveries).toMatchObject([{ recipient: `@${name}`, state: "stored", reach: "not_here" }]);
  const second = await direct(bus, `@${name}`, "x".repeat(1000));
  const holder = await startClient(bus, { name });
  const claimed = await bus.call("register_session", {
    name,
    client_id: holder.client_id,
    repo: "fleet",
    claim: true,
  });
  expect(claimed.waiting_mail).toMatchObject([
    { event_id: first.event_id, payload: "one" },
    { event_id: second.event_id, payload: `${"x".repeat(300)}…` },
  ]);
  const after = await bus.call("get_delivery", { event_id: first.event_id });
  expect(after.deliveries).toMatchObject([{ recipient: claimed.session_id, state: "stored" }]);
  // Announced is not read.
  await holder.hook("tool");
  expect(holder.shown.map(({ id }) => id)).toEqual([first.event_id, second.event_id]);
});

test("what a holder that is gone left unseen goes to the next one; what it saw does not", async () => {
  const name = fresh("api");
  const first = await startClient(bus, { name });
  const claim = (client_id: string) =>
    bus.call("register_session", { name, client_id, repo: "fleet", claim: true });
  // A client without its process's start is here as long as it is heard of, so that only the hook's session ends.
  await bus.server.store.sessions.claim(name, first.session_id, undefined);
  const seen = await direct(bus, `@${name}`, "seen");
  await first.hook("prompt");
  const left = await direct(bus, `@${name}`, "left");
  await first.kill();
  const waits = await direct(bus, `@${name}`, "waits");
  expect(waits.channel).toBe(`session:@${name}`);
  const next = await claim(fresh());
  expect(next.waiting_mail.map(({ event_id }: { event_id: number }) => event_id)).toEqual([
    left.event_id,
    waits.event_id,
  ]);
  expect((await bus.call("get_delivery", { event_id: seen.event_id })).deliveries).toMatchObject([
    { recipient: first.session_id, state: "seen" },
  ]);
  expect((await direct(bus, `@${name}`)).channel).toBe(channelOf(next));
});

test("a holder that comes back itself gets what waited for its name", async () => {
  const name = fresh("api");
  const first = await startClient(bus, { name });
  await bus.server.store.sessions.claim(name, first.session_id, undefined);
  await first.kill();
  const waits = await direct(bus, `@${name}`, "waits");
  expect(waits.channel).toBe(`session:@${name}`);
  const again = await startClient(bus, { name, client_id: first.client_id });
  expect(again.session_id).toBe(first.session_id);
  await again.hook("prompt", { client_id: first.client_id });
  const { deliveries } = await bus.call("get_delivery", { event_id: waits.event_id });
  expect(deliveries).toMatchObject([{ recipient: first.session_id, state: "offered" }]);
});

test("claims outlive /clear, a restart of the bus, and unregistering", async () => {
  const folder = bus.folder;
  const own = await startBus("binary");
  const name = fresh("api");
  const { pid } = sleeper();
  const start = (on: TestBus, client_id: string) =>
    on.call("start_session", {
      client_id,
      name: "n",
      cwd: folder,
      repo: "r",
      pid,
      pid_started: processStart(pid),
    });
  const [before, cleared] = [fresh(), fresh()];
  const { session_id } = await start(own, before);
  await cli(["register", "--name", name, "--claim", "--client-id", fresh()], { bus: own });
  const other = (await own.call("list_sessions")).result.find((one: { name: string }) => one.name === name);
  expect(other.claims).toEqual([name]);
  await own.call("unregister_session", { session_id: other.session_id });
  const held = await direct(own, `@${name}`, "to nobody");
  expect(held.channel).toBe(`session:@${name}`);
  const back = await own.call("register_session", { name: "otherwise", client_id: other.client_id });
  expect(back.session_id).toBe(other.session_id);
  expect(await claimsOf(own, other.session_id)).toEqual([name]);
  expect((await own.call("get_delivery", { event_id: held.event_id })).deliveries[0].recipient).toBe(
    other.session_id,
  );

  // What the hook of a client that starts over within its process tells.
  expect(await start(own, cleared)).toMatchObject({ session_id, resumed: true });
  for (const id of [before, cleared]) {
    const sent = await direct(own, `session:${id}`);
    expect([sent.channel, sent.warning]).toEqual([`session:${session_id}`, undefined]);
  }
  await own.kill();
  const again = await startBus("binary", { folder: own.folder });
  expect(await claimsOf(again, other.session_id)).toEqual([name]);
  expect((await direct(again, `@${name}`)).channel).toBe(`session:${other.session_id}`);
});

const ODD = [
  "a b",
  "a:b",
  "Ünïcode 🦖",
  "-x",
  "a@b",
  "session:x",
  "all",
  "x".repeat(200),
  "a\nb",
  "'; DROP TABLE claims; --",
];

test.each(ODD)("a claim of an odd name is reached by it: %j", async (odd) => {
  const name = `${odd}${fresh()}`;
  const holder = await join(bus, { name, claim: true });
  expect(holder.claimed).toBe(`@${name}`);
  expect((await direct(bus, `@${name}`)).channel).toBe(channelOf(holder));
});

test("the name may be given as @name; one that is nothing else is refused", async () => {
  const name = fresh("api");
  const holder = await join(bus, { name: `@${name}`, claim: true });
  expect(holder.claimed).toBe(`@${name}`);
  expect((await direct(bus, `@${name}`)).channel).toBe(channelOf(holder));
  const none = await join(bus, { name: "@", claim: true });
  expect(none.claimed).toBeUndefined();
  expect(none.warning).toContain('"@" is not a name that can be claimed.');
});

test("register --claim shows the claim and what waits for it, neutralised", async () => {
  const name = fresh("api");
  const own = await startBus("binary");
  await publish(own, "\u001b[31mred", { channel: `@${name}` });
  const line = ["register", "--name", name, "--claim", "--client-id", "c"];
  const shown = await cliOnTerminal(line, { bus: own, env: { NO_COLOR: "1" } });
  expect(shown).toContain(`claimed   @${name}`);
  expect(shown).toContain("waiting: #1 note: ");
  expect(shown).not.toContain("\u001b");
  const sessions = await cli(["sessions"], { bus: own });
  expect(sessions.stdout).toContain(`${name} @${name}`);
});

test("register --claim in the shell of a session claims for that session, also after /clear", async () => {
  const own = await startBus("binary");
  const { pid } = sleeper();
  const start = (client_id: string) =>
    own.call("start_session", {
      client_id,
      name: "n",
      cwd: "/",
      repo: "r",
      pid,
      pid_started: processStart(pid),
    });
  const { session_id } = await start("before");
  await start("cleared");
  for (const [variable, value] of [
    ["CLAUDE_CODE_SESSION_ID", "cleared"],
    ["AGENT_EVENT_BUS_SESSION_ID", session_id],
  ] as const) {
    const name = fresh("api");
    const claimed = await cli(["register", "--name", name, "--claim", "--json"], {
      bus: own,
      env: { [variable]: value },
    });
    expect(claimed.json()).toMatchObject({ session_id, claimed: `@${name}`, resumed: true });
  }
  expect((await own.call("list_sessions")).result).toHaveLength(1);
});
