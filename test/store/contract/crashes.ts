import { expect, test } from "bun:test";
import { closed, type Engine, join, opened, publish, StoppedClock, webhook } from "../engine.ts";

export function crashes({ place }: Engine): void {
  test("everything that was acknowledged is there after a kill, once and in order", async () => {
    const killed = place();
    for (let round = 0; round < 3; round++) {
      const acknowledged = await killed.appendUntilKilled();
      const store = await opened(killed);
      const { events } = await store.events.read({ order: "asc", limit: 1_000, most_bytes: 1e9 });
      const run = acknowledged[0]?.split(" ")[0] ?? "";
      const stored = events.map(({ payload }) => payload).filter((payload) => payload.startsWith(run));
      expect(acknowledged.length).toBeGreaterThan(20);
      expect(stored.length).toBeGreaterThanOrEqual(acknowledged.length);
      expect(stored).toEqual(stored.map((_, i) => `${run} ${i}`));
      expect(stored.slice(0, acknowledged.length)).toEqual(acknowledged);
      await closed(store);
    }
  });

  test("cursors, offers, claims, webhooks and the outbox outlive the store", async () => {
    const clock = new StoppedClock();
    const lasting = place();
    let store = await opened(lasting, clock);
    const hook = await webhook(store);
    await join(store);
    const message = await publish(store, { channel: "session:s" });
    await store.mail.offer({ sessionId: "s", by: "tool", single: [message], others: [] });
    await store.sessions.claim("api", "s", undefined);
    await store.sessions.advanceCursor("s", message.id);
    const { id } = store;
    await closed(store);
    store = await opened(lasting, clock);
    expect(store.id).toBe(id);
    expect(await store.sessions.get("s")).toMatchObject({ cursor: message.id });
    expect(await store.mail.of(message.id)).toMatchObject([{ state: "offered", offered_by: "tool" }]);
    expect(await store.sessions.claimsOf("s")).toEqual(["api"]);
    expect(await store.deliveries.claim(hook, clock.at, 50, new Set())).toHaveLength(2);
    expect((await publish(store)).id).toBe(message.id + 1);
  });
}
