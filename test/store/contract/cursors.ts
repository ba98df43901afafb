import { expect, test } from "bun:test";
import { type Engine, ids, join, opened, publish } from "../engine.ts";

const ALL = { order: "asc", limit: 50 } as const;

export function cursors({ place }: Engine): void {
  const started = async () => {
    const store = await opened(place());
    const { session_id } = await join(store);
    const cursor = async () => (await store.sessions.get(session_id))?.cursor;
    return { store, session_id, cursor };
  };

  test("a resumed read starts at the saved cursor and moves it to the highest id", async () => {
    const { store, session_id, cursor } = await started();
    await publish(store);
    await publish(store);
    expect(ids((await store.sessions.consume(session_id, true, ALL)).events)).toEqual([2, 3]);
    expect(await cursor()).toBe(3);
    expect((await store.sessions.consume(session_id, true, ALL)).events).toEqual([]);
  });

  test("two concurrent resumes never both get an event", async () => {
    const { store, session_id } = await started();
    for (let i = 0; i < 20; i++) await publish(store);
    const reads = Array.from({ length: 8 }, () =>
      store.sessions.consume(session_id, true, { order: "asc", limit: 5 }),
    );
    const found = (await Promise.all(reads)).flatMap(({ events }) => ids(events));
    expect(found).toEqual(Array.from({ length: 20 }, (_, i) => i + 2));
  });

  test("a cursor never goes back but by an acknowledgement", async () => {
    const { store, session_id, cursor } = await started();
    for (let i = 0; i < 5; i++) await publish(store);
    expect(await store.sessions.saveTip(session_id)).toBe(6);
    await store.sessions.advanceCursor(session_id, 3);
    await store.sessions.advanceCursor(session_id, 4, 1);
    await store.sessions.consume(session_id, false, { order: "asc", limit: 1 });
    expect(await cursor()).toBe(6);
    await store.sessions.acknowledge(session_id, 2);
    expect(await cursor()).toBe(2);
    await store.sessions.advanceCursor(session_id, 5);
    expect(await cursor()).toBe(5);
  });
}
