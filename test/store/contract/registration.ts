import { expect, test } from "bun:test";
import { addressed } from "../../../src/domain/delivery_policy.ts";
import type { DecideRegistration } from "../../../src/domain/store.ts";
import type { ProcessMark } from "../../../src/lib/process.ts";
import { aDraft, aSession, type Engine, join, opened, publish, StoppedClock, webhook } from "../engine.ts";

/** A machine that is known by its name only. */
const named = (name: string) => ({ name, id: undefined, exact: false });

export function registration({ place }: Engine): void {
  test("a new session is stored with its event, which is its cursor", async () => {
    const store = await opened(place());
    const { webhook_id } = await webhook(store);
    const stated = { client_id: "c", process: { pid: 7, started: "then" }, state: "busy" } as const;
    const session = await join(store, stated);
    expect(session).toEqual(aSession({ ...stated, cursor: 1 }));
    expect(await store.sessions.get("s")).toEqual(session);
    expect(await store.sessions.byClient(named("m"), "c")).toEqual(session);
    expect((await store.deliveries.counts(webhook_id)).pending).toBe(1);
  });

  test("nothing is stored if the webhooks changed since the decision", async () => {
    const store = await opened(place());
    const active = await store.webhooks.active();
    await webhook(store);
    const session = aSession();
    const draft = addressed(aDraft(), active);
    const plan = { session, wanted: session.name, draft, alias: null, lost: [], inherits: [] };
    expect(await store.register(() => plan)).toBeNull();
    expect(await store.sessions.get("s")).toBeUndefined();
  });

  test("of concurrent registrations each sees those before it", async () => {
    const store = await opened(place());
    const active = await store.webhooks.active();
    const decide: DecideRegistration = (known) => {
      const earlier = known.findByClient(named("m"), "c");
      const session = earlier ?? aSession({ session_id: crypto.randomUUID(), client_id: "c" });
      const draft = earlier === undefined ? addressed(aDraft(), active) : null;
      return { session, wanted: "api", draft, alias: null, lost: [], inherits: [] };
    };
    const registered = await Promise.all(Array.from({ length: 20 }, () => store.register(decide)));
    expect(new Set(registered.map((one) => one?.session.session_id)).size).toBe(1);
    expect(registered.filter((one) => one?.event !== null)).toHaveLength(1);
  });

  test("a session comes back with an alias and the mail that it inherits", async () => {
    const store = await opened(place());
    await join(store);
    await publish(store, { channel: "session:@api" });
    await publish(store, { channel: "session:old" });
    await join(store, { client_id: "old", name: "again" }, { alias: "old", inherits: ["@api", "old"] });
    expect(await store.sessions.get("old")).toMatchObject({ session_id: "s", name: "again" });
    expect(await store.mail.count("s")).toBe(2);
    expect([await store.mail.count("@api"), await store.mail.count("old")]).toEqual([0, 0]);
  });

  test("a session that goes on with another one takes its mail, its claims and every id of it", async () => {
    const store = await opened(place());
    await join(store, { client_id: "c" });
    await join(store, { client_id: "first" }, { alias: "first" });
    expect(await store.sessions.claim("api", "s", undefined)).toBe(true);
    await publish(store, { channel: "session:s" });
    const moved = { session_id: "t", display_id: "calm-rex", machine: "elsewhere" };
    await join(store, moved, { takesOver: "s", inherits: ["s"] });
    for (const id of ["s", "first", "t"])
      expect(await store.sessions.get(id)).toMatchObject({ session_id: "t", machine: "elsewhere" });
    expect(await store.sessions.claimsOf("t")).toEqual(["api"]);
    expect([await store.mail.count("s"), await store.mail.count("t")]).toEqual([0, 1]);
    await join(store, { session_id: "u", display_id: "odd-ox" });
    await join(store, { session_id: "u", display_id: "odd-ox" }, { takesOver: "t", inherits: ["t"] });
    for (const id of ["s", "first", "t", "u"])
      expect(await store.sessions.get(id)).toMatchObject({ session_id: "u" });
    expect([await store.mail.count("t"), await store.mail.count("u")]).toEqual([0, 1]);
  });

  test("what a lost client was shown from a moment on is unread again, but for what was answered", async () => {
    const clock = new StoppedClock();
    const store = await opened(place(), clock);
    await join(store);
    const shown: number[] = [];
    for (const part of ["read", "lost", "answered", "lost"]) {
      clock.at += 1_000;
      const { id } = await publish(store, { channel: "session:s" });
      const single = [{ id }];
      await store.mail.offer({ sessionId: "s", by: "prompt", single, others: [] });
      await store.mail.see("s", [id], []);
      if (part === "answered") await store.mail.acknowledge("s", id);
      if (part === "read")
        await store.sessions.report("s", { state: "busy", leaseUntil: null, works: true, readMsAgo: 0 });
      else if (part === "lost") shown.push(id);
    }
    await store.sessions.report("s", { state: "busy", leaseUntil: null, works: true });
    await store.sessions.report("s", { state: "idle", leaseUntil: null, works: false, readMsAgo: 60_000 });
    const { read_until } = (await store.sessions.get("s")) ?? {};
    expect(read_until).toBe(Date.UTC(2026, 2, 1, 12, 0, 1));
    const from = "2026-03-01T12:00:02.000Z";
    await join(store, {}, { lost: [{ sessionId: "s", from, shownFrom: from }] });
    const unseen = await store.mail.unseen("s", 50);
    expect(unseen.map(({ event, repeat }) => [event.id, repeat])).toEqual(shown.map((id) => [id, true]));
    const [first] = shown;
    expect(await store.mail.of(first ?? 0)).toMatchObject([{ state: "offered", seen_at: null }]);
  });

  test("in doubt is what hooks have shown a lost client from a moment on, and it is lost by its number", async () => {
    const clock = new StoppedClock();
    const store = await opened(place(), clock);
    await join(store);
    const ids: number[] = [];
    for (const by of ["prompt", "prompt", "tool", "stop", "wake", "prompt", undefined, "wake"] as const) {
      clock.at += 1_000;
      const { id } = await publish(store, { channel: "session:s" });
      if (by !== undefined) await store.mail.offer({ sessionId: "s", by, single: [{ id }], others: [] });
      await store.mail.see("s", [id], []);
      ids.push(id);
    }
    await store.mail.acknowledge("s", ids[5] ?? 0);
    const lost = { sessionId: "s", from: "2026-03-01T12:00:08.000Z", shownFrom: "2026-03-01T12:00:02.000Z" };
    const session = aSession();
    const plan = { session, wanted: "", draft: null, alias: null, lost: [lost], inherits: [] };
    expect((await store.register(() => plan))?.doubtful).toEqual(ids.slice(1, 5));
    await store.mail.lose("s", [ids[2] ?? 0, ids[5] ?? 0]);
    const unseen = await store.mail.unseen("s", 50);
    expect(unseen.map(({ event, repeat }) => [event.id, repeat])).toEqual([
      [ids[2] ?? 0, true],
      [ids[7] ?? 0, true],
    ]);
  });

  test("a session keeps the title it was registered with until another is told", async () => {
    const store = await opened(place());
    await join(store, { title: "api" });
    expect(await store.sessions.get("s")).toMatchObject({ name: "api", title: "api" });
    await join(store, { name: "web", title: "web" });
    expect(await store.sessions.get("s")).toMatchObject({ name: "web", title: "web" });
  });

  test("a mod carries a session until a moment, a registration, or the session's end", async () => {
    const store = await opened(place());
    const rung = async () => {
      const session = await store.sessions.get("s");
      return [session?.rung, session?.rung_until];
    };
    await join(store);
    expect(await rung()).toEqual([null, 0]);
    await store.sessions.carry("s", 5_000);
    await store.sessions.report("s", { state: "idle", leaseUntil: null, works: false });
    expect(await rung()).toEqual(["mod", 5_000]);
    await store.sessions.carry("s", 6_000);
    expect(await rung()).toEqual(["mod", 6_000]);
    await join(store, { rung: "mod", rung_until: 6_000 });
    expect(await rung()).toEqual(["mod", 6_000]);
    await join(store);
    expect(await rung()).toEqual([null, 0]);
    await store.sessions.carry("s", 7_000);
    const change = { kind: "unregister", sessionId: "s" } as const;
    await store.append(addressed(aDraft(), await store.webhooks.active(), change));
    expect(await rung()).toEqual([null, 0]);
  });

  test("a decision for nothing changes nothing", async () => {
    const store = await opened(place());
    const session = await join(store);
    expect(await store.register(() => null)).toBeNull();
    expect(await store.sessions.get("s")).toEqual(session);
  });

  test("a session ends together with the event that says so", async () => {
    const store = await opened(place());
    await join(store);
    const change = { kind: "unregister", sessionId: "s" } as const;
    await store.append(addressed(aDraft(), await store.webhooks.active(), change));
    expect((await store.sessions.get("s"))?.deleted_at).toBe("2026-03-01T12:00:00.000Z");
    expect(await store.sessions.present("2026-01-01T00:00:00.000Z")).toEqual([]);
    await join(store);
    expect((await store.sessions.get("s"))?.deleted_at).toBeNull();
  });

  test("a session is found by its process, on its machine, even when it has ended", async () => {
    const store = await opened(place());
    const mark = { pid: 7, started: "then" };
    const { machine } = await join(store, { process: mark });
    await join(store, { session_id: "t", display_id: "calm-rex" });
    const found = async (on: string, process: ProcessMark) =>
      (await store.sessions.byProcess(named(on), process))?.session_id;
    expect(await found(machine, mark)).toBe("s");
    expect(await found(machine, { ...mark, started: "later" })).toBeUndefined();
    expect(await found("elsewhere", mark)).toBeUndefined();
    const change = { kind: "unregister", sessionId: "s" } as const;
    await store.append(addressed(aDraft(), await store.webhooks.active(), change));
    expect(await found(machine, mark)).toBe("s");
  });

  test("a name is claimed from the holder that was seen, with the mail of both", async () => {
    const store = await opened(place());
    await join(store);
    await join(store, { session_id: "t", display_id: "calm-rex" });
    expect(await store.sessions.claim("api", "s", undefined)).toBe(true);
    await publish(store, { channel: "session:s" });
    await publish(store, { channel: "session:@api" });
    const claims = await Promise.all(["t", "s", "t"].map((id) => store.sessions.claim("api", id, "s")));
    expect(claims).toEqual([true, false, false]);
    expect((await store.sessions.holder("api"))?.session_id).toBe("t");
    expect([await store.sessions.claimsOf("s"), await store.sessions.claimsOf("t")]).toEqual([[], ["api"]]);
    expect([await store.mail.count("s"), await store.mail.count("t")]).toEqual([0, 2]);
  });

  test("names and repositories are found in either Unicode form, and returned in one", async () => {
    const store = await opened(place());
    const [one, apart] = ["caf\u00e9", "cafe\u0301"];
    await join(store, { session_id: "old", display_id: "d0", name: apart, repo: apart });
    await join(store, { session_id: "new", display_id: "d1", name: one, repo: one });
    for (const form of [one, apart]) {
      const named = await store.sessions.namedLike(form);
      expect(named.map(({ session_id }) => session_id).sort()).toEqual(["new", "old"]);
      for (const session of named) expect(session).toMatchObject({ name: one, repo: one });
      expect((await store.sessions.idsOf(form)).sort()).toEqual(["new", "old"]);
    }
    // A database of an earlier release may hold a claim, and mail for it, in the other form.
    await publish(store, { channel: `session:@${apart}` });
    expect(await store.sessions.claim(apart, "old", undefined)).toBe(true);
    expect((await store.sessions.holder(one))?.session_id).toBe("old");
    await publish(store, { channel: `session:@${apart}` });
    expect(await store.sessions.claim(one, "new", "old")).toBe(true);
    expect((await store.sessions.holder(apart))?.session_id).toBe("new");
    expect([await store.mail.count("old"), await store.mail.count("new")]).toEqual([0, 2]);
    expect([await store.sessions.claimsOf("old"), await store.sessions.claimsOf("new")]).toEqual([[], [one]]);
  });

  test("the repositories of the latest sessions are known, those of unregistered ones too", async () => {
    const store = await opened(place());
    for (const [i, repo] of ["a", "b", "c", "c"].entries())
      await join(store, { session_id: `s${i}`, display_id: `d${i}`, repo });
    await store.append({
      ...addressed(aDraft(), await store.webhooks.active()),
      change: { kind: "unregister", sessionId: "s3" },
    });
    expect((await store.sessions.repos(10)).sort()).toEqual(["a", "b", "c"]);
    expect((await store.sessions.repos(3)).sort()).toEqual(["b", "c"]);
    expect(await store.sessions.repos(0)).toEqual([]);
    expect(await (await opened(place())).sessions.repos(10)).toEqual([]);
  });

  test("present sessions come most recently active first, ended ones and their names do not", async () => {
    const store = await opened(place());
    const heard = ["2026-03-01T10:00:00.000Z", "2026-03-01T12:00:00.000Z", "2026-03-01T11:00:00.000Z"];
    for (const [i, last_heartbeat] of heard.entries())
      await join(store, { session_id: `s${i}`, display_id: `d${i}`, last_heartbeat });
    const present = await store.sessions.present("2026-03-01T09:00:00.000Z");
    expect(present.map(({ session_id }) => session_id)).toEqual(["s1", "s2", "s0"]);
    const recent = await store.sessions.recent(2);
    expect(recent.map(({ session_id }) => session_id)).toEqual(["s1", "s2"]);
    expect((await store.sessions.namedLike("d2")).map(({ session_id }) => session_id)).toEqual(["s2"]);
    expect(await store.sessions.namedLike("api")).toHaveLength(3);
    await store.sessions.touch("s0");
    await store.sessions.report("s2", {
      state: "idle",
      leaseUntil: "2026-03-01T13:00:00.000Z",
      works: false,
    });
    expect(await store.sessions.get("s0")).toMatchObject({ last_heartbeat: "2026-03-01T12:00:00.000Z" });
    expect(await store.sessions.get("s2")).toMatchObject({
      state: "idle",
      lease_until: "2026-03-01T13:00:00.000Z",
    });
  });
}
