import { expect, test } from "bun:test";
import { addressed } from "../../../src/domain/delivery_policy.ts";
import type { Event } from "../../../src/domain/event.ts";
import type { EventQuery } from "../../../src/domain/store.ts";
import { aDraft, type Engine, ids, opened, publish, webhook } from "../engine.ts";

export function log({ place }: Engine): void {
  test("events get increasing ids in the order in which they came, and are told in that order", async () => {
    const store = await opened(place());
    const told: number[] = [];
    store.listen(({ id }) => told.push(id));
    const appended: Event[] = [];
    for (const size of [1, 7, 300])
      appended.push(
        ...(await Promise.all(Array.from({ length: size }, (_, i) => publish(store, { payload: `${i}` })))),
      );
    expect(ids(appended)).toEqual(Array.from({ length: 308 }, (_, i) => i + 1));
    expect(told).toEqual(ids(appended));
    expect(await store.events.tip()).toBe(308);
  });

  test("every commit is told of, after its events, and no read is", async () => {
    const store = await opened(place());
    const told: string[] = [];
    store.listen(({ id }) => told.push(`event ${id}`));
    store.listenCommits(() => told.push("commit"));
    await publish(store);
    expect(told.slice(0, 2)).toEqual(["event 1", "commit"]);
    const before = told.length;
    await store.events.read({ order: "asc", limit: 1 });
    expect(told.length).toBe(before);
    await store.mail.review(1);
    expect(told.length).toBeGreaterThan(before);
  });

  test("an event is read as it was written", async () => {
    const store = await opened(place());
    const event = await publish(store, { title: "T", tags: ["a"], correlation_id: "c", payload: "é 🎉\n" });
    expect(await store.events.get(event.id)).toEqual(event);
    expect(await store.events.get(event.id + 1)).toBeUndefined();
    expect((await store.events.read({ order: "asc", limit: 1 })).events).toEqual([event]);
  });

  test("events of a channel are counted from one id to another, up to a bound", async () => {
    const store = await opened(place());
    for (const channel of ["repo:r", "all", "repo:r", "repo:r"]) await publish(store, { channel });
    expect(await store.events.count("repo:r", 1, 4, 50)).toBe(3);
    expect(await store.events.count("repo:r", 2, 3, 50)).toBe(1);
    expect(await store.events.count("repo:r", 1, 4, 2)).toBe(2);
    expect(await store.events.count("none", 1, 4, 50)).toBe(0);
  });

  test("a channel is read in either Unicode form, from memory and from the file", async () => {
    const at = place();
    const store = await opened(at);
    const forms = ["repo:caf\u00e9", "repo:cafe\u0301"];
    for (const channel of [...forms, "repo:cafe", ...forms])
      await publish(store, { channel, payload: "xyz" });
    const all = { limit: 50, order: "asc", most_bytes: 100_000 } as const;
    for (const channel of forms) {
      expect(ids((await store.events.read({ ...all, channel })).events)).toEqual([1, 2, 4, 5]);
      expect(ids((await store.search.find({ ...all, channel, text: "xyz" })).events)).toEqual([1, 2, 4, 5]);
    }
    await Promise.all(Array.from({ length: 1_100 }, () => publish(store, { channel: "all" })));
    for (const channel of forms) {
      expect(ids((await store.events.read({ ...all, channel })).events)).toEqual([1, 2, 4, 5]);
      const newest = await store.events.read({ ...all, order: "desc", limit: 3, channel });
      expect(ids(newest.events)).toEqual([5, 4, 2]);
    }
  });

  const QUERIES: [what: string, query: Partial<EventQuery>, found: number[], full: boolean][] = [
    ["newest first", { order: "desc", limit: 2 }, [6, 5], true],
    ["oldest first", { limit: 2 }, [1, 2], true],
    ["after an id", { after: 4 }, [5, 6], false],
    ["of a channel", { channel: "repo:r" }, [2, 4, 6], false],
    ["of types", { event_types: ["a", "c"] }, [1, 3, 4, 6], false],
    ["of a correlation", { correlation_id: "x" }, [1], false],
    ["of all together", { channel: "repo:r", event_types: ["a"], after: 1 }, [4], false],
    ["that are too large, at least one", { most_bytes: 1 }, [1], true],
    ["none", { channel: "none" }, [], false],
  ];
  test.each(QUERIES)("a read finds events %s", async (_, query, found, full) => {
    const store = await opened(place());
    for (let i = 0; i < 6; i++)
      await publish(store, {
        event_type: ["a", "b", "c"][i % 3] as string,
        channel: i % 2 === 0 ? "all" : "repo:r",
        correlation_id: i === 0 ? "x" : null,
      });
    const batch = await store.events.read({ order: "asc", limit: 50, ...query });
    expect({ found: ids(batch.events), full: batch.full }).toEqual({ found, full });
    expect(batch).toMatchObject({ tip: 6, mail: false, highest: Math.max(0, ...found) });
  });

  test("what was decided from webhooks that changed meanwhile is not written", async () => {
    const store = await opened(place());
    const draft = addressed(aDraft(), await store.webhooks.active());
    const { webhook_id } = await webhook(store);
    expect(await store.append(draft)).toBeNull();
    expect(await store.events.tip()).toBe(0);
    await publish(store);
    expect((await store.deliveries.counts(webhook_id)).pending).toBe(1);
  });

  test("a pause and its event are one, and the event goes to the other webhooks only", async () => {
    const store = await opened(place());
    const [first, second] = [await webhook(store), await webhook(store)];
    const change = { kind: "pause", webhookId: first.webhook_id, reason: "gone" } as const;
    const event = await store.append(addressed(aDraft(), await store.webhooks.active(), change));
    expect(event?.id).toBe(1);
    expect(await store.webhooks.get(first.webhook_id)).toMatchObject({
      active: false,
      paused_reason: "gone",
    });
    expect((await store.deliveries.counts(first.webhook_id)).pending).toBe(0);
    expect((await store.deliveries.counts(second.webhook_id)).pending).toBe(1);
  });
}
