import { expect, test } from "bun:test";
import { appendArrival } from "../../../src/domain/publish.ts";
import type { NewSource } from "../../../src/domain/source.ts";
import type { Store } from "../../../src/domain/store.ts";
import { aDraft, closed, type Engine, opened, StoppedClock, webhook } from "../engine.ts";

export function sources({ place }: Engine): void {
  const aSource = (more: Partial<NewSource> = {}): NewSource => ({
    ...{ name: "ci", kind: "github", secret: "s3cret", mapping: { channel: "repo:{repository.name}" } },
    ...more,
  });
  const arrive = (store: Store, keys: readonly string[], payload = "p") =>
    appendArrival({ store }, "ci", keys, aDraft({ payload }));

  test("a source is kept as it was added, and its secret rotated", async () => {
    const room = place();
    const clock = new StoppedClock();
    const store = await opened(room, clock);
    const made = await store.sources.add(aSource(), 10);
    expect(made).toEqual({
      ...{
        source_id: 1,
        name: "ci",
        kind: "github",
        secret: "s3cret",
        secret_old: null,
        secret_old_until: 0,
      },
      ...{ mapping: { channel: "repo:{repository.name}" }, created_at: "2026-03-01T12:00:00.000Z" },
      ...{ last_event_id: null, last_arrival: null },
    });
    expect(await store.sources.rotate("ci", "n3w", clock.at + 5)).toBe(true);
    expect(await store.sources.rotate("cd", "n3w", 5)).toBe(false);
    const text = await store.sources.add(
      aSource({ name: "cron", kind: "text", secret: null, mapping: {} }),
      10,
    );
    expect(text).toMatchObject({ name: "cron", secret: null, mapping: {} });
    await closed(store);
    const again = await opened(room, clock);
    expect(await again.sources.list()).toEqual([
      { ...made, secret: "n3w", secret_old: "s3cret", secret_old_until: clock.at + 5 },
      text,
    ] as never);
  });

  test("a name is given once, and there are at most so many", async () => {
    const store = await opened(place());
    expect(await store.sources.add(aSource(), 2)).not.toBeNull();
    expect(await store.sources.add(aSource({ kind: "text" }), 2)).toBeNull();
    expect(await store.sources.add(aSource({ name: "b" }), 2)).not.toBeNull();
    expect(await store.sources.add(aSource({ name: "c" }), 2)).toBeNull();
    expect(await store.sources.remove("ci")).toBe(true);
    expect(await store.sources.remove("ci")).toBe(false);
    expect((await store.sources.list()).map(({ name }) => name)).toEqual(["b"]);
  });

  test("an arrival becomes one event, whichever of its keys comes again", async () => {
    const store = await opened(place());
    await store.sources.add(aSource(), 10);
    const first = await arrive(store, ["id:1", "body:a"]);
    expect(first?.event).toMatchObject({ payload: "p" });
    const known = { event_id: first?.event_id };
    for (const keys of [["id:1", "body:a"], ["id:1"], ["id:2", "body:a"], ["body:a", "body:a"]])
      expect(await arrive(store, keys)).toEqual(known as never);
    expect((await arrive(store, ["id:2"]))?.event).toBeDefined();
    const none = [await arrive(store, []), await arrive(store, [])];
    expect(new Set(none.map((one) => one?.event_id)).size).toBe(2);
    expect(await store.events.tip()).toBe(4);
  });

  test("of many that come at once, one becomes the event", async () => {
    const store = await opened(place());
    await store.sources.add(aSource(), 10);
    await webhook(store);
    const all = await Promise.all(Array.from({ length: 20 }, () => arrive(store, ["id:1"])));
    expect(new Set(all.map((one) => one?.event_id)).size).toBe(1);
    expect(all.filter((one) => one?.event !== undefined)).toHaveLength(1);
    expect((await store.events.read({ order: "asc", limit: 10 })).events).toHaveLength(1);
    expect(await store.deliveries.counts(1)).toMatchObject({ pending: 1 });
  });

  test("a source tells its last arrival, and keys are of one source", async () => {
    const clock = new StoppedClock();
    const store = await opened(place(), clock);
    await store.sources.add(aSource(), 10);
    const stored = await arrive(store, ["id:1"]);
    const [source] = await store.sources.list();
    expect(source).toMatchObject({
      last_event_id: Number(stored?.event_id),
      last_arrival: "2026-03-01T12:00:00.000Z",
    });
    await store.sources.remove("ci");
    expect(await arrive(store, ["id:2"])).toBeNull();
    await store.sources.add(aSource(), 10);
    expect((await arrive(store, ["id:1"]))?.event).toBeDefined();
  });

  test("an arrival is still known after a restart", async () => {
    const room = place();
    const store = await opened(room);
    await store.sources.add(aSource(), 10);
    const stored = await arrive(store, ["id:1"]);
    await closed(store);
    expect(await arrive(await opened(room), ["id:1"])).toEqual({ event_id: Number(stored?.event_id) });
  });
}
