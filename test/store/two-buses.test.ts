// Two stores on one database, as two buses have it.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Need } from "../../src/domain/need.ts";
import { appendArrival } from "../../src/domain/publish.ts";
import type { Store } from "../../src/domain/store.ts";
import { connect } from "../../src/postgres/connection.ts";
import { removeFolders } from "../support/folder.ts";
import { freePort } from "../support/port.ts";
import { noPostgres, onServer, type Server, startPostgres } from "../support/postgres.ts";
import { eventually } from "../support/webhook.ts";
import {
  aDraft,
  closeAfterEach,
  closed,
  ids,
  join,
  opened,
  publish,
  StoppedClock,
  webhook,
} from "./engine.ts";
import { openAt } from "./open_at.ts";

const NOBODY: ReadonlySet<number> = new Set();
let server: Server;

beforeAll(async () => {
  if (noPostgres === null) server = await startPostgres(await freePort());
});

afterAll(async () => {
  await server?.kill();
  removeFolders();
});

describe.skipIf(noPostgres !== null)("two buses on one database", () => {
  closeAfterEach();

  async function two() {
    const url = await server.database();
    const place = { open: ({ now, steady }: StoppedClock) => openAt(url, { now, steady }) };
    const clock = new StoppedClock();
    const [here, there] = [await opened(place as never, clock), await opened(place as never, clock)];
    return { url, clock, here, there };
  }

  test("are the same bus: one id, one key, one log", async () => {
    const { here, there } = await two();
    expect(there.id).toBe(here.id);
    expect(there.key).toEqual(here.key);
    const sent = await Promise.all([publish(here), publish(there), publish(here), publish(there)]);
    expect(ids(sent).sort()).toEqual([1, 2, 3, 4]);
    for (const store of [here, there])
      expect(ids((await store.events.read({ order: "asc", limit: 9 })).events)).toEqual([1, 2, 3, 4]);
  });

  test("each tells of every event of both, once and in order", async () => {
    const { here, there } = await two();
    const told: Record<"here" | "there", number[]> = { here: [], there: [] };
    here.listen(({ id }) => told.here.push(id));
    there.listen(({ id }) => told.there.push(id));
    const all = Array.from({ length: 100 }, (_, i) => publish(i % 2 === 0 ? here : there));
    await Promise.all(all);
    const wanted = Array.from({ length: 100 }, (_, i) => i + 1);
    await eventually("all are told", () => told.here.length >= 100 && told.there.length >= 100);
    expect(told).toEqual({ here: wanted, there: wanted });
  });

  test("events that a new primary server never got are gone, and those that take their numbers are told", async () => {
    const { url, clock, here, there } = await two();
    const told: string[] = [];
    there.listen(({ payload }) => told.push(payload));
    for (let i = 1; i <= 5; i++) await publish(here, { payload: `old ${i}` });
    await eventually("all are told", () => told.length >= 5);
    for (const text of ["DELETE FROM events WHERE id > 2", "UPDATE sequencer SET last = 2"])
      await onServer(url, text);
    clock.at += 1;
    for (let i = 3; i <= 4; i++) await publish(here, { payload: `new ${i}` });
    await eventually("the new ones are told", () => told.length >= 7);
    expect(told.slice(5)).toEqual(["new 3", "new 4"]);
    await publish(there, { payload: "new 5" });
    await eventually("the next one is told", () => told.length >= 8);
    expect(told.slice(7)).toEqual(["new 5"]);
  });

  test("an event of one is told by the other with the webhooks that it waits for", async () => {
    const { here, there } = await two();
    const { webhook_id } = await webhook(here);
    const told: unknown[] = [];
    there.listen((event, webhookIds) => told.push([event.id, webhookIds]));
    await publish(here);
    await eventually("it is told", () => told.length > 0);
    expect(told).toEqual([[1, [webhook_id]]]);
  });

  test("what was decided from webhooks that the other changed is decided again", async () => {
    const { here, there } = await two();
    await publish(here);
    const { webhook_id } = await webhook(there);
    await publish(here);
    expect(await here.deliveries.counts(webhook_id)).toMatchObject({ pending: 1 });
  });

  test("an arrival that reaches both is one event, by the sources that each of them knows at once", async () => {
    const { here, there } = await two();
    await here.sources.add({ name: "ci", kind: "text", secret: null, mapping: {} }, 9);
    const arrive = (store: Store, i: number) => appendArrival({ store }, "ci", [`id:${i % 5}`], aDraft());
    const all = await Promise.all(
      Array.from({ length: 40 }, (_, i) => arrive(i % 2 === 0 ? here : there, i)),
    );
    expect(new Set(all.map((one) => one?.event_id)).size).toBe(5);
    expect(await there.events.tip()).toBe(5);
    await there.sources.remove("ci");
    expect(await arrive(here, 9)).toBeNull();
  });

  test.each([false, true])(
    "a delivery is sent by one of them, until its lease ends (ordered: %p)",
    async (ordered) => {
      const { url, clock, here, there } = await two();
      const hook = await webhook(here, { ordered });
      for (let i = 0; i < 2; i++) await publish(here);
      const claim = (store: Store, limit: number) => store.deliveries.claim(hook, clock.at, limit, NOBODY);
      const [first] = await claim(here, 1);
      if (first === undefined) throw new Error("nothing was due");
      const others = await claim(there, 9);
      expect(others.map(({ event_id }) => event_id)).toEqual(ordered ? [] : [2]);
      const next = await here.deliveries.nextAt(hook, clock.at);
      if (!ordered) expect(next).toBeGreaterThan(clock.at + 80_000);
      expect(await there.deliveries.nextAt(hook, clock.at)).toBeGreaterThan(clock.at + 80_000);
      const pool = connect(url);
      await pool.run({ text: "UPDATE deliveries SET lease_until = now() - interval '1 second'", names: [] });
      await pool.close();
      // As if it ended between a look for what is free and the question when to look again.
      expect(await there.deliveries.nextAt(hook, clock.at)).toBe(clock.at + 1_000);
      expect((await claim(there, 1)).map(({ event_id }) => event_id)).toEqual([1]);
      expect(await claim(here, 1)).toEqual(ordered ? [] : [expect.objectContaining({ event_id: 2 })]);
    },
  );

  test("a need that one opens or closes, and a message that is seen there, are told by the other", async () => {
    const { here, there } = await two();
    const told: unknown[] = [];
    there.needs.listen(({ need_id, state }) => told.push([need_id, state]));
    there.mail.listen((recipient) => told.push(recipient));
    await publish(here, { event_type: "help_needed", session_id: "s" });
    await here.needs.withdraw(1, "gone");
    await join(here);
    const message = await publish(here, { channel: "session:s" });
    await here.mail.see("s", [message.id], []);
    await eventually("all is told", () => told.length >= 3);
    expect(told).toEqual([[1, expect.anything()], [1, "withdrawn"], "s"]);
  });

  test("a commit of one is told by the other", async () => {
    const { here, there } = await two();
    let commits = 0;
    there.listenCommits(() => commits++);
    await here.mail.review(1);
    await eventually("it is told", () => commits === 1);
  });

  test("of two answers to one need, one at each, one wins", async () => {
    const { here, there } = await two();
    await publish(here, { event_type: "help_needed", session_id: "s" });
    const [need] = (await there.needs.standing()) as [Need];
    const withdrawn = [here, there].map((store) => store.needs.withdraw(need.need_id, "gone"));
    expect((await Promise.all(withdrawn)).sort()).toEqual([false, true]);
  });

  test("of concurrent registrations at both, one makes the session", async () => {
    const { here, there } = await two();
    await Promise.all([here, there, here, there].map((store) => join(store)));
    expect((await here.sessions.present("2026-01-01T00:00:00.000Z")).length).toBe(1);
    expect(await here.events.tip()).toBe(1);
  });

  test("two resumed reads of a session, one at each, never both get an event", async () => {
    const { here, there } = await two();
    await join(here);
    for (let i = 0; i < 20; i++) await publish(there);
    const reads = Array.from({ length: 8 }, (_, i) =>
      (i % 2 === 0 ? here : there).sessions.consume("s", true, { order: "asc", limit: 5 }),
    );
    const found = (await Promise.all(reads)).flatMap(({ events }) => ids(events));
    expect(found.sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, i) => i + 2));
  });

  test("what calls of one hold is known at the other, until they hold it no longer or the bus closes", async () => {
    const { here, there } = await two();
    let told = 0;
    there.listenCommits(() => {
      if (there.peers.held("k").join() === "v") told++;
    });
    here.peers.hold("k", "v");
    await eventually("it is told", () => told > 0);
    await eventually("it is known", () => there.peers.held("k").join() === "v");
    expect(here.peers.held("k")).toEqual([]);
    here.peers.hold("k", "w");
    await eventually("the change is known", () => there.peers.held("k").join() === "w");
    here.peers.hold("k", undefined);
    await eventually("it is gone", () => there.peers.held("k").length === 0);
    here.peers.hold("l", "v");
    await eventually("it is known", () => there.peers.held("l").length === 1);
    await closed(here);
    await eventually("the bus is gone", () => there.peers.held("l").length === 0, 30_000);
  });

  test("a lease is of one of them, a note is taken by one, and a word reaches the other alone", async () => {
    const { here, there } = await two();
    const heard: Record<"here" | "there", unknown[]> = { here: [], there: [] };
    here.peers.listen((word) => heard.here.push(word));
    there.peers.listen((word) => heard.there.push(word));
    there.peers.hold("k", "v");
    await eventually("they know each other", () => here.peers.held("k").length > 0);
    const takes = [await here.peers.take("l", 60_000), await there.peers.take("l", 60_000)];
    expect(takes).toEqual([true, false]);
    await there.peers.give("l");
    expect(await there.peers.take("l", 60_000)).toBe(false);
    await here.peers.give("l");
    expect(await there.peers.take("l", 60_000)).toBe(true);
    await here.peers.put("n", "v", 60_000);
    const pulled = await Promise.all([here, there].map(({ peers }) => peers.pull("n")));
    expect(pulled.filter((value) => value !== undefined)).toEqual(["v"]);
    here.peers.tell({ does: "refresh", key: "s" });
    await eventually("it is heard", () => heard.there.length > 0);
    expect(heard).toEqual({ here: [], there: [{ does: "refresh", key: "s" }] });
  });

  test("a long lease of a bus that was alone is known to the next one, and free once its bus is gone", async () => {
    const url = await server.database();
    const place = { open: ({ now, steady }: StoppedClock) => openAt(url, { now, steady }) };
    const clock = new StoppedClock();
    const here = await opened(place as never, clock);
    expect(await here.peers.take("l", 86_400_000)).toBe(true);
    const there = await opened(place as never, clock);
    expect(await there.peers.take("l", 86_400_000)).toBe(false);
    await closed(here);
    expect(await there.peers.take("l", 86_400_000)).toBe(true);
  });
});
