import { describe, expect, test } from "bun:test";
import type { SearchQuery, Store } from "../../../src/domain/store.ts";
import { eventually } from "../../support/webhook.ts";
import { closed, type Engine, ids, join, opened, publish, StoppedClock } from "../engine.ts";

const NEWEST = { order: "desc", limit: 50 } as const;

async function found(store: Store, query: Partial<SearchQuery>): Promise<number[]> {
  return ids((await store.search.find({ ...NEWEST, ...query })).events);
}

/** Publishes events that hold no text, so many that the index is filled up to `upTo` at least. */
async function indexed(store: Store, upTo: number): Promise<void> {
  await Promise.all(Array.from({ length: 600 }, () => publish(store, { payload: "-" })));
  await eventually("the index is filled", async () => store.search.progress().upTo >= upTo, 60_000);
}

const QUERIES: [what: string, query: Partial<SearchQuery>, found: number[]][] = [
  ["with a text in the payload", { text: "needle" }, [4, 2, 1]],
  ["with a text in the title", { text: "headline" }, [3]],
  ["in any case", { text: "NEEDLE" }, [4, 2, 1]],
  ["with a phrase", { text: "a needle in" }, [2, 1]],
  ["with a part of a word", { text: "eedl" }, [4, 2, 1]],
  ["with a text that none holds", { text: "needles" }, []],
  ["with a text not from title to payload", { text: "headline\ntitled" }, []],
  ["oldest first", { text: "needle", order: "asc" }, [1, 2, 4]],
  ["after an id", { text: "needle", after: 1 }, [4, 2]],
  ["before an id", { text: "needle", before: 4 }, [2, 1]],
  ["between two ids", { after: 1, before: 4, text: "needle" }, [2]],
  ["up to a limit", { text: "needle", limit: 2 }, [4, 2]],
  ["with a text and on a channel", { text: "needle", channel: "repo:r" }, [2]],
  ["with a text and of types", { text: "needle", event_types: ["other", "none"] }, [4]],
  ["with a text and of a correlation", { text: "needle", correlation_id: "x" }, [1]],
  ["from senders", { senders: ["s1", "s2", "none"] }, [4, 3, 2]],
  ["from nobody", { senders: [] }, []],
  ["on channels", { channels: ["repo:r", "session:s"] }, [3, 2]],
  ["on no channels", { channels: [] }, []],
  ["with a text and from senders", { text: "needle", senders: ["s1"] }, [4, 2]],
  ["too large, at least one", { text: "needle", most_bytes: 1 }, [4]],
];

async function five(store: Store): Promise<void> {
  await publish(store, { payload: "find a needle in hay", correlation_id: "x" });
  await publish(store, { payload: "A Needle In Time", channel: "repo:r", session_id: "s1" });
  await publish(store, { payload: "titled", title: "Headline", channel: "session:s", session_id: "s2" });
  await publish(store, { payload: "no more needle", event_type: "other", session_id: "s1" });
}

export function search({ place }: Engine): void {
  describe.each([false, true])("with an index: %p,", (isIndexed) => {
    test.each(QUERIES)("a search finds events %s", async (_, query, expected) => {
      const store = await opened(place());
      await five(store);
      if (isIndexed) await indexed(store, 4);
      const below = { before: 5, ...query };
      expect(await found(store, below)).toEqual(expected);
      const batch = await store.search.find({ ...NEWEST, ...below });
      expect(batch).toMatchObject({ tip: isIndexed ? 604 : 4, highest: Math.max(0, ...expected) });
      expect(batch.full).toBe(query.limit !== undefined || query.most_bytes !== undefined);
    });
  });

  test("a search goes over the end of the index", async () => {
    const store = await opened(place());
    await publish(store, { payload: "needle" });
    await indexed(store, 1);
    const last = await publish(store, { payload: "needle" });
    expect(store.search.progress().upTo).toBeLessThan(last.id);
    expect(await found(store, { text: "needle" })).toEqual([last.id, 1]);
    expect(await found(store, { text: "needle", order: "asc" })).toEqual([1, last.id]);
    expect(await found(store, { text: "needle", order: "asc", after: 1 })).toEqual([last.id]);
    expect(await found(store, { text: "needle", limit: 1 })).toEqual([last.id]);
    expect(await found(store, { text: "needle", limit: 1, before: last.id })).toEqual([1]);
  });

  test("a short text is searched in the newest 10,000 events", async () => {
    const store = await opened(place());
    await publish(store, { payload: "x1" });
    await Promise.all(Array.from({ length: 9_999 }, () => publish(store, { payload: "-" })));
    expect(await store.search.find({ ...NEWEST, text: "x1" })).toMatchObject({
      events: [{ id: 1 }],
      partial: false,
    });
    await publish(store, { payload: "X1" });
    expect(await store.search.find({ ...NEWEST, text: "x1" })).toMatchObject({
      events: [{ id: 10_001 }],
      partial: true,
    });
    expect(await store.search.find({ ...NEWEST, text: "x1", before: 10_001 })).toMatchObject({
      events: [{ id: 1 }],
      partial: false,
    });
    expect(await found(store, { text: "x1", order: "asc" })).toEqual([10_001]);
  });

  test("the newest event before a time is found", async () => {
    const clock = new StoppedClock();
    const store = await opened(place(), clock);
    const start = clock.at;
    expect(await store.search.lastBefore(start)).toBe(0);
    for (const seconds of [0, 0, 10, 20]) {
      clock.at = start + seconds * 1_000;
      await publish(store);
    }
    const asked = [-1, 0, 1, 10_000, 10_001, 20_001].map((ms) => store.search.lastBefore(start + ms));
    expect(await Promise.all(asked)).toEqual([0, 0, 2, 2, 3, 4]);
  });

  test("the ids of a name are those of all its sessions, gone and earlier ones too", async () => {
    const store = await opened(place());
    await join(store, { session_id: "a", name: "api", display_id: "wise-fox" });
    await join(store, { session_id: "b", name: "web", display_id: "api" });
    await join(store, { session_id: "a", name: "api", display_id: "wise-fox" }, { alias: "old-a" });
    await join(store, { session_id: "c", name: "other", display_id: "calm-elk" });
    expect((await store.sessions.idsOf("api")).sort()).toEqual(["a", "b", "old-a"]);
    for (const text of ["a", "old-a", "wise-fox"])
      expect((await store.sessions.idsOf(text)).sort()).toEqual(["a", "old-a"]);
    expect(await store.sessions.idsOf("nobody")).toEqual([]);
  });

  test("the index goes on after a kill, and every event is found all the time", async () => {
    const killed = place();
    const before = await killed.indexUntilKilled();
    expect(before.upTo).toBeGreaterThan(0);
    expect(before.upTo).toBeLessThan(before.tip);
    const store = await opened(killed);
    expect(store.search.progress().upTo).toBeGreaterThanOrEqual(before.upTo);
    expect(store.search.progress().upTo).toBeLessThan(before.tip);
    const all = { text: "number 7 of", limit: 1_000, order: "asc" } as const;
    const expected = await found(store, all);
    expect(expected).toHaveLength(10);
    await eventually(
      "the index is filled",
      async () => {
        expect(await found(store, all)).toEqual(expected);
        await Bun.sleep(100);
        return store.search.progress().upTo >= before.tip - 300;
      },
      120_000,
    );
    expect(await found(store, all)).toEqual(expected);
    await closed(store);
  }, 120_000);
}
