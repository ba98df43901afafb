import { expect, test } from "bun:test";
import type { Pushed } from "../../../src/domain/store.ts";
import { type Engine, join, opened, StoppedClock } from "../engine.ts";

const MINUTE_MS = 60_000;

export function pushes({ place }: Engine): void {
  const wake = (sessionId: string, sender: string): Pushed => ({
    sessionId,
    sender,
    kind: "wake",
    bytes: 100,
  });

  test("wakes count for an hour, those of one sender for five minutes", async () => {
    const clock = new StoppedClock();
    const store = await opened(place(), clock);
    await store.pushes.record(wake("s", "a"));
    await store.pushes.record(wake("s", "b"));
    await store.pushes.record({ ...wake("s", "a"), kind: "hand_over" });
    expect(await store.pushes.spent("s", "a")).toEqual({ wakes: 2, bySender: 1, exchanges: 0 });
    clock.at += 5 * MINUTE_MS;
    expect(await store.pushes.spent("s", "a")).toEqual({ wakes: 2, bySender: 0, exchanges: 0 });
    clock.at += 55 * MINUTE_MS;
    expect(await store.pushes.spent("s", "a")).toEqual({ wakes: 0, bySender: 0, exchanges: 0 });
  });

  test("a free wake costs, and counts against no budget", async () => {
    const store = await opened(place(), new StoppedClock());
    await store.pushes.record({ ...wake("s", "a"), kind: "free_wake" });
    expect(await store.pushes.spent("s", "a")).toEqual({ wakes: 0, bySender: 0, exchanges: 0 });
    expect((await store.pushes.costs(0)).get("s")).toEqual({ wakes: 1, handOvers: 0, bytes: 100 });
  });

  test("a clock that is set back makes nothing count that is later", async () => {
    const clock = new StoppedClock();
    const store = await opened(place(), clock);
    for (const session_id of ["s", "t"]) await join(store, { session_id, display_id: `d-${session_id}` });
    await store.sessions.report("t", { state: "busy", leaseUntil: null, works: true });
    await store.pushes.record(wake("s", "t"));
    clock.at -= 86_400_000;
    expect(await store.pushes.spent("s", "t")).toEqual({ wakes: 0, bySender: 0, exchanges: 0 });
    await store.pushes.record(wake("s", "t"));
    expect(await store.pushes.spent("s", "t")).toEqual({ wakes: 1, bySender: 1, exchanges: 0 });
  });

  test("exchanges count what was answered, from the last work of one of the two on", async () => {
    const clock = new StoppedClock();
    const store = await opened(place(), clock);
    for (const session_id of ["s", "t"]) await join(store, { session_id, display_id: `d-${session_id}` });
    const both = async () => {
      clock.at++;
      await store.pushes.record(wake("s", "t"));
      await store.pushes.record(wake("t", "s"));
      await store.pushes.record(wake("t", "u"));
    };
    await both();
    await both();
    await store.pushes.record(wake("s", "t"));
    expect((await store.pushes.spent("s", "t")).exchanges).toBe(4);
    expect((await store.pushes.spent("t", "s")).exchanges).toBe(4);
    await store.sessions.report("t", { state: "busy", leaseUntil: null, works: false });
    expect((await store.pushes.spent("s", "t")).exchanges).toBe(4);
    await store.sessions.report("t", { state: "busy", leaseUntil: null, works: true });
    expect((await store.pushes.spent("s", "t")).exchanges).toBe(0);
    await both();
    expect((await store.pushes.spent("s", "t")).exchanges).toBe(2);
  });

  test("costs are summed by session, since a time", async () => {
    const clock = new StoppedClock();
    const store = await opened(place(), clock);
    await store.pushes.record(wake("s", "a"));
    clock.at += MINUTE_MS;
    const since = clock.at - 1;
    await store.pushes.record(wake("s", "a"));
    await store.pushes.record({ ...wake("s", "a"), kind: "hand_over", bytes: 50 });
    await store.pushes.record(wake("t", "a"));
    expect(Object.fromEntries(await store.pushes.costs(since))).toEqual({
      s: { wakes: 1, handOvers: 1, bytes: 150 },
      t: { wakes: 1, handOvers: 0, bytes: 100 },
    });
  });

  test("a session's attention stays when it comes back, and its branch until another is told", async () => {
    const store = await opened(place());
    await join(store, { branch: "main" });
    await store.sessions.attend("s", "all", 5_000);
    await store.sessions.attend("s", undefined, 6_000);
    await store.sessions.report("s", { state: "idle", leaseUntil: null, works: false });
    await join(store, { branch: null });
    expect(await store.sessions.get("s")).toMatchObject({ wake: "all", muted_until: 6_000, branch: "main" });
    await store.sessions.attend("s", null);
    await store.sessions.report("s", { state: "idle", leaseUntil: null, works: false, branch: "fix" });
    expect(await store.sessions.get("s")).toMatchObject({ wake: null, muted_until: 6_000, branch: "fix" });
  });

  test("the wakes of the last hour are counted by session, without free ones and hand-overs", async () => {
    const clock = new StoppedClock();
    const store = await opened(place(), clock);
    const record = (sessionId: string, kind: "wake" | "free_wake" | "hand_over") =>
      store.pushes.record({ sessionId, sender: "x", kind, bytes: 1 });
    expect(await store.pushes.wakes()).toEqual(new Map());
    await record("s", "wake");
    clock.at += 30 * MINUTE_MS;
    for (const kind of ["wake", "free_wake", "hand_over"] as const) await record("s", kind);
    await record("t", "hand_over");
    expect(await store.pushes.wakes()).toEqual(new Map([["s", 2]]));
    clock.at += 31 * MINUTE_MS;
    expect(await store.pushes.wakes()).toEqual(new Map([["s", 1]]));
    clock.at -= 24 * 60 * MINUTE_MS;
    expect(await store.pushes.wakes()).toEqual(new Map());
  });

  test("a session tells since when it is in its state", async () => {
    const clock = new StoppedClock();
    const store = await opened(place(), clock);
    await join(store);
    const since = async () => (await store.sessions.get("s"))?.state_since;
    const report = async (state: "busy" | "idle") => {
      clock.at += MINUTE_MS;
      await store.sessions.report("s", { state, leaseUntil: null, works: false });
      return new Date(clock.at).toISOString();
    };
    expect(await since()).toBeNull();
    const busy = await report("busy");
    await report("busy");
    expect(await since()).toBe(busy);
    expect(await report("idle")).toBe((await since()) ?? "");
  });

  test("a session's last words stay until others are told", async () => {
    const store = await opened(place());
    await join(store);
    const words = async () => (await store.sessions.get("s"))?.last_words;
    const report = (lastWords?: string) =>
      store.sessions.report("s", { state: "idle", leaseUntil: null, works: false, lastWords });
    expect(await words()).toBeNull();
    await report("Done.");
    await report();
    await join(store);
    expect(await words()).toBe("Done.");
    await report("Done again.");
    expect(await words()).toBe("Done again.");
  });
}
