import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { pidNamespace, processStart } from "../../src/lib/process.ts";
import { startBus, type TestBus } from "../support/bus.ts";
import { type Client, eventsIn, newClient, startClient } from "../support/hooks.ts";

interface Listed {
  session_id: string;
  display_id: string;
  name: string;
  repo: string;
  client_id: string;
  cursor: string;
  claims: string[];
}

async function sessions(bus: TestBus): Promise<Listed[]> {
  return (await bus.call("list_sessions")).result;
}

async function sessionOf(bus: TestBus, client: Client): Promise<Listed> {
  const all = (await sessions(bus)).filter(({ client_id }) => client_id === client.id);
  if (all[0] === undefined || all.length > 1) throw new Error(`${all.length} sessions of ${client.id}`);
  return all[0];
}

async function send(bus: TestBus, to: string, payload: string): Promise<number> {
  const sent = await bus.call("publish_event", { event_type: "note", payload, channel: `session:${to}` });
  expect(sent.warning).toBeUndefined();
  return sent.event_id;
}

const ids = (text: string) => eventsIn(text).map(({ id }) => id);

/** How a person goes on with a session: the hooks that the client runs, and who they run in. */
const WAYS: readonly {
  way: string;
  goOn(bus: TestBus, client: Client): Promise<Client>;
  /** Going on hands over what is unread already. */
  hands?: true;
}[] = [
  {
    way: "/clear",
    async goOn(bus, client) {
      await client.run("session-end", { with: { reason: "clear" } });
      const next = newClient(bus, { pid: client.pid, cwd: client.cwd });
      await next.read("session-start", { with: { source: "clear" } });
      return next;
    },
  },
  {
    way: "/clear, its SessionEnd and SessionStart at the same time",
    async goOn(bus, client) {
      const next = newClient(bus, { pid: client.pid, cwd: client.cwd });
      await Promise.all([
        client.run("session-end", { with: { reason: "clear" } }),
        next.read("session-start", { with: { source: "clear" } }),
      ]);
      return next;
    },
  },
  {
    way: "/compact",
    async goOn(_bus, client) {
      await client.read("session-start", { with: { source: "compact" } });
      return client;
    },
  },
  {
    way: "an end and --resume",
    async goOn(bus, client) {
      await client.run("session-end", { with: { reason: "prompt_input_exit" } });
      await client.kill();
      const next = newClient(bus, { id: client.id, cwd: client.cwd });
      await next.read("session-start", { with: { source: "resume" } });
      return next;
    },
  },
  {
    way: "kill -9 and --resume",
    async goOn(bus, client) {
      await client.kill();
      const next = newClient(bus, { id: client.id, cwd: client.cwd });
      await next.read("session-start", { with: { source: "resume" } });
      return next;
    },
  },
  {
    way: "kill -9 and --resume while the bus did not hear of it",
    async goOn(bus, client) {
      await client.kill();
      const next = newClient(bus, { id: client.id, cwd: client.cwd });
      await next.run("session-start", { url: "http://127.0.0.1:1/mcp", with: { source: "resume" } });
      expect(await next.read("tool")).toContain("unread before");
      return next;
    },
    hands: true,
  },
];

describe.each(WAYS)("after $way", ({ goOn, hands }) => {
  test("name, display id, cursor, claims and mailbox stay with the person's session", async () => {
    const bus = await startBus("binary");
    const first = await startClient(bus);
    const before = await sessionOf(bus, first);
    await bus.call("publish_event", {
      event_type: "help_needed",
      payload: "seen before",
      channel: `repo:${before.repo}`,
    });
    expect(ids(await first.read("prompt"))).toHaveLength(1);
    const { cursor } = await sessionOf(bus, first);
    expect(Number(cursor)).toBeGreaterThan(Number(before.cursor));
    const unread = [await send(bus, first.id, "unread before")];

    const next = await goOn(bus, first);
    if (hands) unread.pop();
    const after = await sessionOf(bus, next);
    expect({ ...after, client_id: before.client_id }).toMatchObject({
      session_id: before.session_id,
      display_id: before.display_id,
      name: before.name,
      cursor,
    });
    expect(await sessions(bus)).toHaveLength(1);
    for (const name of [first.id, next.id, before.session_id, before.display_id, before.name])
      unread.push(await send(bus, name, `to ${name}`));
    expect(ids(await next.read("prompt"))).toEqual(unread);
    expect(await next.read("prompt")).toBe("");
  });

  test("a claimed name goes along", async () => {
    const bus = await startBus("binary");
    const first = await startClient(bus);
    const { session_id } = await sessionOf(bus, first);
    const db = new Database(bus.db);
    db.run("PRAGMA busy_timeout = 5000");
    db.run(
      "INSERT INTO claims (name, session_id, claimed_at) VALUES ('api', ?, '2026-01-01T00:00:00.000Z')",
      [session_id],
    );
    db.close();
    await send(bus, first.id, "unread before");
    const next = await goOn(bus, first);
    expect((await sessionOf(bus, next)).claims).toEqual(["api"]);
    await next.read("prompt");
    expect(await next.read("session-start")).toContain("also @api");
    const sent = await bus.call("publish_event", { event_type: "note", payload: "x", channel: "@api" });
    expect(ids(await next.read("prompt"))).toEqual([sent.event_id]);
  });
});

test("after several /clear in a row every id that the session had reaches it", async () => {
  const bus = await startBus("binary");
  const first = await startClient(bus);
  const had = [first];
  for (let i = 0; i < 3; i++) {
    const last = had.at(-1) as Client;
    await last.run("session-end", { with: { reason: "clear" } });
    const next = newClient(bus, { pid: first.pid, cwd: first.cwd });
    await next.read("session-start", { with: { source: "clear" } });
    had.push(next);
  }
  const sent = [];
  for (const { id } of had) sent.push(await send(bus, id, "x"));
  expect(ids(await (had.at(-1) as Client).read("prompt"))).toEqual(sent);
});

test("a fork is a session of its own, and the first one stays what it was", async () => {
  const bus = await startBus("binary");
  const first = await startClient(bus);
  const fork = newClient(bus, { cwd: first.cwd });
  await fork.read("session-start", { with: { source: "fork" } });
  const [one, other] = [await sessionOf(bus, first), await sessionOf(bus, fork)];
  expect(other.session_id).not.toBe(one.session_id);
  expect(other.display_id).not.toBe(one.display_id);
  expect(other.name).toBe(`${one.name}-2`);
  const mail = await send(bus, first.id, "for the first");
  expect(await fork.read("prompt")).toBe("");
  expect(ids(await first.read("prompt"))).toEqual([mail]);
});

describe("a second process that resumes a session whose process lives", () => {
  test("is a session of its own, each gets its own mail, and each ends itself", async () => {
    const bus = await startBus("binary");
    const first = await startClient(bus);
    const second = await startClient(bus, { id: first.id, cwd: first.cwd });
    expect(second.pid).not.toBe(first.pid);
    const all = await sessions(bus);
    expect(all).toHaveLength(2);
    const own = all.find(({ session_id }) => session_id === first.id);
    const other = all.find(({ session_id }) => session_id !== first.id);
    if (own === undefined || other === undefined) throw new Error("not two sessions");
    expect(other.name).toBe(`${own.name}-2`);

    for (const reader of [first, second, first]) {
      const mail = {
        own: await send(bus, own.session_id, "a"),
        other: await send(bus, other.session_id, "b"),
      };
      const rest = reader === first ? second : first;
      expect(ids(await reader.read("prompt"))).toEqual([reader === first ? mail.own : mail.other]);
      expect(ids(await rest.read("tool"))).toEqual([rest === first ? mail.own : mail.other]);
    }
    await first.run("session-end", { with: { reason: "other" } });
    expect((await sessions(bus)).map(({ session_id }) => session_id)).toEqual([other.session_id]);
    await second.run("session-end", { with: { reason: "other" } });
    expect(await sessions(bus)).toEqual([]);
  });
});

test("a session that its agent registers once more keeps its process and its hooks' state", async () => {
  const bus = await startBus("binary");
  const client = await startClient(bus);
  const again = await bus.call("register_session", { name: "api", client_id: client.id, claim: true });
  expect(again).toMatchObject({ session_id: client.id, resumed: true, claimed: "@api" });
  expect(await sessionOf(bus, client)).toMatchObject({ state: "busy", reach: "next_tool" });
  await client.kill();
  expect(await sessions(bus)).toEqual([]);
});

test("a process that got the number of a dead session's process is not taken for it", async () => {
  const bus = await startBus("binary");
  const now = await startClient(bus);
  const started = processStart(now.pid);
  // As if the number had belonged to another process before.
  const old = newClient(bus);
  await bus.call("start_session", {
    ...{ client_id: old.id, name: "old", cwd: "/x", repo: "x" },
    ...{ pid: now.pid, pid_started: `${started}0`, pid_namespace: pidNamespace() },
  });
  const listed = (await sessions(bus)).map(({ client_id }) => client_id);
  expect(listed).toEqual([now.id]);
  const fresh = await startClient(bus, { pid: now.pid });
  expect((await sessionOf(bus, fresh)).session_id).toBe(now.id);
});
