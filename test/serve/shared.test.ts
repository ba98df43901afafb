// What one bus remembers of sessions and their user counts at the other buses of its database.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { connect } from "../../src/postgres/connection.ts";
import { TokenTable } from "../../src/postgres/tokens.ts";
import { fresh } from "../support/agent.ts";
import type { ProcessBus } from "../support/bus.ts";
import { sleeper } from "../support/client.ts";
import { removeFolders } from "../support/folder.ts";
import { inboxOf, listen, listenRequest } from "../support/listening.ts";
import { noPostgres, selectedBy } from "../support/postgres.ts";
import { type SeveralBuses, startBuses } from "../support/several_buses.ts";
import { openStream } from "../support/stream.ts";
import { eventually } from "../support/webhook.ts";

let all: SeveralBuses;
let here: ProcessBus;
let there: ProcessBus;

beforeAll(async () => {
  if (noPostgres !== null) return;
  all = await startBuses(2);
  [here, there] = all.buses as [ProcessBus, ProcessBus];
});

afterAll(async () => {
  await all?.end();
  removeFolders();
});

/** In both directions together. */
const EXCHANGES = 6;
const WAKES_OF_ONE_SENDER = 10;

/** A session whose client is a living process. Its hooks run at the bus that they are given. */
async function session(name = fresh("s")) {
  const client = { client_id: fresh("client"), pid: sleeper().pid };
  const started = await here.call("start_session", { ...client, name, cwd: "/a", repo: name });
  const session_id = String(started.session_id);
  const collect = (at: ProcessBus, path: string, more = {}) =>
    at.call("collect_events", { ...client, path, digests: true, ...more });
  const confirm = (at: ProcessBus, path: string, ids: readonly unknown[]) =>
    at.call("confirm_events", { ...client, path, bytes: 10, event_ids: ids.map(String) });
  return {
    ...{ client, name, session_id, collect, confirm },
    /** Is woken at one bus, and confirms that at another one. */
    async wake(at: ProcessBus, confirmsAt = at): Promise<unknown[]> {
      const { events } = await collect(at, "wake");
      const ids = events.map(({ id }: { id: unknown }) => id);
      await confirm(confirmsAt, "wake", ids);
      return ids;
    },
  };
}

async function send(at: ProcessBus, to: string, more = {}): Promise<number> {
  const message = { event_type: "question", payload: fresh("text"), channel: `session:${to}` };
  return (await at.call("publish_event", { ...message, ...more })).event_id;
}

/** The secret of a new token that may read the page's stream. */
async function answerToken(): Promise<string> {
  const pool = connect(all.url);
  const made = await new TokenTable(pool, Date.now).create(fresh("page"), "answer", null);
  await pool.close();
  return String(made?.secret);
}

const pushesOf = (session_id: string) =>
  selectedBy(all.url, "SELECT kind, sender FROM pushes WHERE session_id = ? ORDER BY id", [session_id]);

describe.skipIf(noPostgres !== null)("two buses", () => {
  test("a waiter of before a prompt at one bus is sent away by the other", async () => {
    const one = await session();
    await one.collect(here, "prompt");
    const before = { running_ms: 600_000 };
    await eventually("it is sent away", async () => (await one.collect(there, "wake", before)).left === true);
  });

  test("a waiter that one bus has only just got leaves at a prompt at the other", async () => {
    const one = await session();
    const isHeld = async () => {
      const { result } = await there.call("list_sessions");
      return (
        result.find(({ session_id }: { session_id: string }) => session_id === one.session_id).reach ===
        "wakes"
      );
    };
    for (let round = 0; round < 10; round++) {
      const waiting = one.collect(there, "wake", { wait_seconds: 300 });
      await eventually("it waits", isHeld);
      await one.collect(here, "prompt");
      expect((await waiting).left).toBe(true);
    }
  });

  test("a wake by an answer is free, whichever bus the confirmation reaches, and one by a question counts", async () => {
    const [asker, other] = [await session(), await session()];
    const correlation_id = fresh("q");
    await send(here, other.session_id, { session_id: asker.session_id, correlation_id });
    await send(there, asker.session_id, {
      ...{ event_type: "answer", explicit_level: "actionable" },
      ...{ session_id: other.session_id, correlation_id },
    });
    expect(await asker.wake(here, there)).toHaveLength(1);
    expect(await other.wake(here, there)).toHaveLength(1);
    expect(pushesOf(asker.session_id)).toEqual([{ kind: "free_wake", sender: other.session_id }]);
    expect(pushesOf(other.session_id)).toEqual([{ kind: "wake", sender: asker.session_id }]);
  });

  test("the user is told what woke a session by the next hook, at whichever bus it runs, and once", async () => {
    const [one, sender] = [await session(), await session()];
    const id = await send(here, one.session_id, { session_id: sender.session_id });
    await one.wake(here);
    const told = await one.collect(there, "prompt", { automatic: true });
    expect(told.woken_by).toMatchObject({ count: 1, first: { id } });
    for (const bus of [here, there])
      expect((await one.collect(bus, "tool", { bus_tool: true })).woken_by).toBeUndefined();
  });

  test("a sender's budget of wakes is one, whichever bus wakes", async () => {
    const [one, sender] = [await session(), await session()];
    let woken = 0;
    for (let i = 0; i < WAKES_OF_ONE_SENDER + 4; i++) {
      const [at, other] = i % 2 === 0 ? [here, there] : [there, here];
      await send(other, one.session_id, { session_id: sender.session_id });
      if ((await one.wake(at, other)).length > 0) woken++;
    }
    expect(woken).toBe(WAKES_OF_ONE_SENDER);
  });

  test("two sessions that thank each other through two buses stop after as many exchanges, and are told once", async () => {
    const pair = [await session(), await session()] as const;
    let wakes = 0;
    for (let i = 0; i < EXCHANGES + 6; i++) {
      const [from, to] = i % 2 === 0 ? pair : [pair[1], pair[0]];
      await send(here, to.session_id, { session_id: from.session_id });
      if ((await to.wake(i % 4 < 2 ? here : there)).length > 0) wakes++;
    }
    expect(wakes).toBe(EXCHANGES);
    const { events } = await here.call("get_events", { event_types: ["ping_pong"], limit: 10 });
    const channels = events.map(({ channel }: { channel: string }) => channel);
    expect(channels.sort()).toEqual(pair.map(({ session_id }) => `session:${session_id}`).sort());
  });

  test("after a cursor went back at one bus, the hooks of the other look again", async () => {
    const one = await session();
    const before = String(await send(here, one.session_id));
    const failed = { event_type: "error_broadcast", channel: `repo:${one.name}` };
    const id = await send(here, one.session_id, failed);
    const ack = (cursor: string) =>
      here.call("ack_events", { session_id: one.session_id, cursor, allow_rewind: true });
    await ack(String(id));
    expect((await one.collect(there, "tool")).events).toEqual([]);
    await ack(before);
    expect((await one.collect(there, "tool")).events).toMatchObject([{ id }]);
  });

  test("a client that listens at one bus is told that a message was seen at the other", async () => {
    const one = await session();
    const stream = await listen(here.url, listenRequest([inboxOf(one.session_id)]));
    await stream.until(() => stream.messages().length > 0);
    const id = await send(there, one.session_id);
    await stream.until(() => stream.messages().length === 2);
    expect((await one.collect(there, "tool")).events).toMatchObject([{ id }]);
    await one.confirm(there, "tool", [id]);
    await stream.until(() => stream.messages().length === 3);
    stream.close();
  });

  test("the page of one shows what the other does: a session, how it is reached, a need, and what was seen", async () => {
    const page = await openStream(here, await answerToken());
    const one = await session();
    const shown = () => page.newest("sessions")?.find((other: { name: string }) => other.name === one.name);
    await page.until(() => shown() !== undefined);
    const waiting = one.collect(there, "wake", { wait_seconds: 60 });
    await page.until(() => shown().reach === "wakes");
    const id = await send(there, one.session_id);
    expect((await waiting).events).toMatchObject([{ id }]);
    await one.confirm(there, "wake", [id]);
    const steps = () =>
      page.messages.flatMap(({ event, data }) => (event === "mail" ? [data[id]?.state] : []));
    await page.until(() => steps().includes("seen"));
    const dialog = {
      key: fresh("key"),
      kind: "question",
      text: fresh("Which?"),
      tool: "AskUserQuestion",
      input: "{}",
    };
    const held = { open_ms: 10_000, certain: true, answerable: true, wait_seconds: 60 };
    const told = there.call("report_dialog", { ...one.client, ...dialog, ...held });
    const need = () => page.newest("needs")?.find(({ text }: { text: string }) => text === dialog.text);
    await page.until(() => need()?.connected === true);
    await one.collect(there, "prompt");
    expect(await told).toMatchObject({ over: true });
    await page.until(() => need() === undefined);
    page.close();
  });
});
