import { expect, test } from "bun:test";
import type { Outcome } from "../../../src/domain/webhook.ts";
import { type Engine, opened, publish, StoppedClock, webhook } from "../engine.ts";

const OK: Outcome = { status: 200, error: null, retryAfterMs: 0, ms: 5 };
const FAILED: Outcome = { status: 500, error: "HTTP 500", retryAfterMs: 0, ms: 5 };
const NOBODY: ReadonlySet<number> = new Set();

export function outbox({ place }: Engine): void {
  const started = async (more = {}, events = 3) => {
    const clock = new StoppedClock();
    const store = await opened(place(), clock);
    const hook = await webhook(store, more);
    for (let i = 0; i < events; i++) await publish(store);
    const claim = (limit = 50, skip = NOBODY) => store.deliveries.claim(hook, clock.at, limit, skip);
    const claimed = async (limit?: number) => (await claim(limit)).map(({ event_id }) => event_id);
    return { clock, store, hook, id: hook.webhook_id, claim, claimed };
  };

  test("an event waits for each webhook it was decided for, in order", async () => {
    const { store, id, claimed } = await started({ event_types: ["note"] }, 0);
    const told: unknown[] = [];
    store.listen((event, webhookIds) => told.push([event.id, webhookIds]));
    for (const event_type of ["note", "other", "note"]) await publish(store, { event_type });
    expect(told).toEqual([
      [1, [id]],
      [2, []],
      [3, [id]],
    ]);
    expect(await claimed()).toEqual([1, 3]);
    expect(await claimed(1)).toEqual([1]);
  });

  test("what is being sent is claimed by nobody else", async () => {
    const { claim } = await started();
    const first = await claim(2);
    const rest = await claim(2, new Set(first.map(({ delivery_id }) => delivery_id)));
    expect(rest.map(({ event_id }) => event_id)).toEqual([3]);
  });

  test.each([false, true])(
    "nothing is claimed for a webhook that was paused or removed since it was read (ordered: %p)",
    async (ordered) => {
      const { store, id, claimed } = await started({ ordered }, 1);
      await store.webhooks.setActive(id, false);
      expect(await claimed()).toEqual([]);
      await store.webhooks.setActive(id, true);
      expect(await claimed()).toEqual([1]);
      await store.webhooks.unregister(id);
      expect(await claimed()).toEqual([]);
    },
  );

  test("a failed delivery is due again at its time, and has a place before a backlog", async () => {
    const { clock, store, hook, claim, claimed } = await started();
    const [head] = await claim(1);
    if (head === undefined) throw new Error("nothing was due");
    await store.deliveries.settle(head, { state: "pending", next_at: clock.at + 500 }, FAILED);
    expect(await claimed()).toEqual([2, 3]);
    expect(await store.deliveries.nextAt(hook, clock.at)).toBe(clock.at + 500);
    clock.at += 500;
    expect(await claimed(2)).toEqual([1, 2]);
    expect(await store.webhooks.get(hook.webhook_id)).toMatchObject({ last_error: "HTTP 500" });
  });

  test("an ordered webhook gets nothing before its oldest delivery", async () => {
    const { clock, store, claim, claimed } = await started({ ordered: true });
    const [head] = await claim();
    if (head === undefined) throw new Error("nothing was due");
    expect(await claimed()).toEqual([1]);
    await store.deliveries.settle(head, { state: "pending", next_at: clock.at + 1 }, FAILED);
    expect(await claimed()).toEqual([]);
    await store.deliveries.settle(head, { state: "delivered", next_at: 0 }, OK);
    expect(await claimed()).toEqual([2]);
  });

  test("a delivery that was started over meanwhile is not settled", async () => {
    const { store, id, claim, claimed } = await started({}, 1);
    const [old] = await claim();
    if (old === undefined) throw new Error("nothing was due");
    expect(await store.deliveries.redeliver(id, 1)).toBe(true);
    await store.deliveries.settle(old, { state: "delivered", next_at: 0 }, OK);
    expect(await claimed()).toEqual([1]);
    expect(await store.deliveries.redeliver(id, 9)).toBe(false);
  });

  test("what was given up is queued again in pages", async () => {
    const { store, id, claim, claimed } = await started();
    const [dead, expired] = await claim(2);
    if (dead === undefined || expired === undefined) throw new Error("nothing was due");
    await store.deliveries.settle(dead, { state: "dead", next_at: 0 }, FAILED);
    await store.deliveries.expire(expired, "no such event");
    expect(await store.deliveries.counts(id)).toEqual({ pending: 1, dead: 1, expired: 1 });
    expect(await claimed()).toEqual([3]);
    const pages = [1, 1, 1].map(() => store.deliveries.redeliverGivenUp(id, 1));
    expect(await Promise.all(pages)).toEqual([1, 1, 0]);
    expect(await claimed()).toEqual([1, 2, 3]);
  });

  test("what a paused webhook missed is queued page by page, and it is enabled with the last one", async () => {
    const { store, id, claimed } = await started({}, 0);
    await store.webhooks.setActive(id, false);
    for (let i = 0; i < 3; i++) await publish(store);
    expect(await claimed()).toEqual([]);
    const page = { webhookId: id, limit: 2, enables: true };
    expect(await store.deliveries.redeliverMatching({ ...page, after: 0 })).toEqual({ queued: 2, next: 2 });
    expect((await store.webhooks.get(id))?.active).toBe(false);
    expect(await store.deliveries.redeliverMatching({ ...page, after: 2 })).toMatchObject({ queued: 1 });
    expect((await store.webhooks.get(id))?.active).toBe(true);
    expect(await store.deliveries.redeliverMatching({ ...page, after: 0 })).toMatchObject({ queued: 0 });
    expect(await claimed()).toEqual([1, 2, 3]);
  });

  test("too many, too old, or for a removed webhook: it expires, and is forgotten in the end", async () => {
    const { clock, store, id } = await started();
    expect(await store.deliveries.tidy(2)).toEqual({ expired: [{ webhookId: id, count: 1 }], more: false });
    clock.at += 97 * 3_600_000;
    expect((await store.deliveries.tidy(2)).expired).toEqual([{ webhookId: id, count: 2 }]);
    await publish(store);
    expect(await store.webhooks.unregister(id)).toBe(true);
    expect((await store.deliveries.tidy(2)).expired).toEqual([{ webhookId: id, count: 1 }]);
    clock.at += 8 * 24 * 3_600_000;
    await store.deliveries.tidy(2);
    expect(await store.deliveries.counts(id)).toEqual({ pending: 0, dead: 0, expired: 0 });
  });

  test("deliveries are listed newest event first, with those that are being sent", async () => {
    const { store, id, claim } = await started();
    const [sent] = await claim(1);
    const inFlight = new Set([sent?.delivery_id ?? 0]);
    const list = async (state?: "pending" | "in_flight") =>
      (await store.deliveries.list({ webhook_id: id, state, inFlight, limit: 50 })).map((one) => [
        one.event_id,
        one.state,
      ]);
    expect(await list()).toEqual([
      [3, "pending"],
      [2, "pending"],
      [1, "in_flight"],
    ]);
    expect(await list("in_flight")).toEqual([[1, "in_flight"]]);
    expect(await list("pending")).toEqual([
      [3, "pending"],
      [2, "pending"],
    ]);
  });

  test("a wait longer than the schedule is shortened", async () => {
    const { clock, store, hook, claim } = await started({}, 1);
    const [head] = await claim();
    if (head === undefined) throw new Error("nothing was due");
    await store.deliveries.settle(head, { state: "pending", next_at: clock.at + 1e9 }, FAILED);
    await store.deliveries.clamp();
    expect(await store.deliveries.nextAt(hook, clock.at)).toBe(clock.at + 600);
  });

  test("webhooks are bounded in number, and a new secret keeps the old one for a while", async () => {
    const { store, id } = await started({ secret: "old" }, 0);
    const { webhook_id: _, ...more } = (await store.webhooks.list())[0] ?? { webhook_id: 0 };
    expect(await store.webhooks.register(more as never, 1)).toBeNull();
    expect(await store.webhooks.rotate(id, "new", 7)).toBe(true);
    expect(await store.webhooks.get(id)).toMatchObject({
      secret: "new",
      secret_old: "old",
      secret_old_until: 7,
    });
    expect(await store.webhooks.rotate(id + 1, "new", 7)).toBe(false);
  });
}
