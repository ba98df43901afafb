import { expect, test } from "bun:test";
import { closed, type Engine, join, opened, publish } from "../engine.ts";

export function mail({ place }: Engine): void {
  const started = async () => {
    const store = await opened(place());
    const { session_id } = await join(store);
    const send = () => publish(store, { channel: `session:${session_id}` });
    const stateOf = async (eventId: number) => (await store.mail.of(eventId)).map(({ state }) => state);
    const unseen = async () =>
      (await store.mail.unseen(session_id, 50)).map(({ event, repeat }) => [event.id, repeat]);
    return { store, session_id, send, stateOf, unseen };
  };

  test("a direct message is stored, offered, seen and acknowledged", async () => {
    const { store, session_id, send, stateOf, unseen } = await started();
    const message = await send();
    expect(await stateOf(message.id)).toEqual(["stored"]);
    expect(await unseen()).toEqual([[message.id, false]]);
    await store.mail.offer({ sessionId: session_id, by: "prompt", single: [message], others: [] });
    expect(await stateOf(message.id)).toEqual(["offered"]);
    expect(await unseen()).toEqual([[message.id, true]]);
    await store.mail.see(session_id, [message.id], []);
    expect(await stateOf(message.id)).toEqual(["seen"]);
    expect([await unseen(), await store.mail.count(session_id)]).toEqual([[], 0]);
    await store.mail.acknowledge(session_id, message.id);
    expect(await store.mail.of(message.id)).toMatchObject([{ state: "acked", offered_by: "prompt" }]);
  });

  test("an offer tells which events were offered before, one by one or in order", async () => {
    const { store, session_id, send } = await started();
    const [one, two] = [await send(), await send()];
    const [first, second] = [await publish(store), await publish(store)];
    const offer = async (single: (typeof one)[], others: (typeof one)[]) =>
      [...(await store.mail.offer({ sessionId: session_id, by: "prompt", single, others }))].sort();
    expect(await offer([one], [first])).toEqual([]);
    expect(await offer([one, two], [first, second])).toEqual([one.id, first.id]);
    expect(await offer([two, second], [])).toEqual([two.id, second.id]);
    const message = await send();
    const both = await Promise.all([offer([message], []), offer([message], [])]);
    expect(both.sort()).toEqual([[], [message.id]]);
  });

  test("an offer of what was not shown is taken back", async () => {
    const { store, session_id, send, stateOf, unseen } = await started();
    const [shown, hidden] = [await send(), await send()];
    await store.mail.offer({ sessionId: session_id, by: "tool", single: [shown, hidden], others: [] });
    await store.mail.see(session_id, [shown.id], [hidden.id]);
    expect(await stateOf(hidden.id)).toEqual(["stored"]);
    expect(await unseen()).toEqual([[hidden.id, false]]);
  });

  test("reading a range makes messages seen, acknowledging a cursor makes them acknowledged", async () => {
    const { store, session_id, send, stateOf } = await started();
    const [first, second, third] = [await send(), await send(), await send()];
    await store.sessions.advanceCursor(session_id, second.id, second.id);
    expect(await Promise.all([first, second, third].map(({ id }) => stateOf(id)))).toEqual([
      ["stored"],
      ["seen"],
      ["stored"],
    ]);
    await store.sessions.acknowledge(session_id, second.id);
    expect(await Promise.all([first, second, third].map(({ id }) => stateOf(id)))).toEqual([
      ["acked"],
      ["acked"],
      ["stored"],
    ]);
  });

  test("unseen messages are counted for several recipients at once", async () => {
    const { store, session_id, send } = await started();
    const other = await join(store, { session_id: "s-other" });
    expect(await store.mail.counts([session_id, other.session_id])).toEqual(new Map());
    const [first] = [await send(), await send()];
    await publish(store, { channel: `session:${other.session_id}` });
    await store.mail.see(session_id, [first.id], []);
    const counts = await store.mail.counts([session_id, other.session_id, "unknown"]);
    expect([...counts].sort()).toEqual(
      [
        [session_id, 1],
        [other.session_id, 1],
      ].sort() as [string, number][],
    );
    expect(await store.mail.counts([])).toEqual(new Map());
  });

  test("the latest messages come newest first, with their sender and time until they are seen", async () => {
    const { store, session_id, send } = await started();
    const [first, second, third] = [await send(), await send(), await send()];
    await publish(store, { channel: "all" });
    await store.mail.see(session_id, [second.id], []);
    const latest = await store.mail.latest(2);
    expect(latest).toMatchObject([
      { event_id: third.id, state: "stored", sender: third.session_id, sent_at: third.timestamp },
      { event_id: second.id, state: "seen", sender: null, sent_at: null },
    ]);
    expect((await store.mail.latest(50)).map(({ event_id }) => event_id)).toEqual([
      ...[third.id, second.id, first.id],
    ]);
  });

  test("waiting are the unseen messages of every recipient after an event, oldest first", async () => {
    const { store, session_id, send } = await started();
    const waiting = async (after: number, limit = 50) =>
      (await store.mail.waiting(after, limit)).map(({ event, recipient }) => [event.id, recipient]);
    const [first, seen] = [await send(), await send()];
    await publish(store);
    const named = await publish(store, { channel: "session:@lead" });
    const last = await send();
    await store.mail.see(session_id, [seen.id], []);
    expect(await waiting(0)).toEqual([
      [first.id, session_id],
      [named.id, "@lead"],
      [last.id, session_id],
    ]);
    expect(await waiting(first.id, 1)).toEqual([[named.id, "@lead"]]);
    await store.sessions.claim("lead", session_id, undefined);
    expect(await waiting(seen.id)).toEqual([
      [named.id, session_id],
      [last.id, session_id],
    ]);
  });

  test("the position of the user's notifications is kept, and forgotten when it is told so", async () => {
    const at = place();
    const store = await opened(at);
    expect(await store.mail.reviewed()).toBeNull();
    await store.mail.review(3);
    await store.mail.review(5);
    await closed(store);
    const again = await opened(at);
    expect(await again.mail.reviewed()).toBe(5);
    await again.mail.review(null);
    expect(await again.mail.reviewed()).toBeNull();
  });

  test("how long the user is shown no notifications is kept", async () => {
    const at = place();
    const store = await opened(at);
    expect(await store.mail.mutedUntil()).toBe(0);
    await store.mail.muteUntil(Number.MAX_SAFE_INTEGER);
    await closed(store);
    const again = await opened(at);
    expect(await again.mail.mutedUntil()).toBe(Number.MAX_SAFE_INTEGER);
    await again.mail.muteUntil(0);
    expect(await again.mail.mutedUntil()).toBe(0);
  });

  test("a listener is told of each recipient whose messages were seen, and of no other", async () => {
    const { store, session_id, send } = await started();
    let told: string[] = [];
    store.mail.listen((recipient) => told.push(recipient));
    const tellsOf = async (change: () => Promise<unknown>) => {
      told = [];
      await change();
      // A write resolves before its listeners are told.
      await store.events.tip();
      return told;
    };
    const [one, two, three] = [await send(), await send(), await send()];
    const { sessions, mail } = store;
    const offer = { sessionId: session_id, by: "tool", single: [one], others: [] } as const;
    expect(await tellsOf(() => mail.offer(offer))).toEqual([]);
    expect(await tellsOf(() => mail.see(session_id, [one.id], [two.id]))).toEqual([session_id]);
    expect(await tellsOf(() => mail.see(session_id, [one.id], []))).toEqual([]);
    expect(await tellsOf(() => sessions.advanceCursor(session_id, two.id, two.id))).toEqual([session_id]);
    expect(await tellsOf(() => mail.acknowledge(session_id, three.id))).toEqual([session_id]);
    await send();
    const read = { limit: 10, order: "asc" } as const;
    expect(await tellsOf(() => sessions.consume(session_id, true, read))).toEqual([session_id]);
    const named = await publish(store, { channel: "session:@lead" });
    expect(await tellsOf(() => sessions.claim("lead", session_id, undefined))).toEqual(["@lead"]);
    expect(await tellsOf(() => sessions.acknowledge(session_id, named.id))).toEqual([session_id]);
  });

  test("a message to oneself is no mail", async () => {
    const { store, session_id } = await started();
    const own = await publish(store, { session_id, channel: `session:${session_id}` });
    expect(await store.mail.of(own.id)).toEqual([]);
  });

  test("news are the newest events of three channels, without one's own and what was seen, oldest first", async () => {
    const { store, session_id } = await started();
    const channels = ["all", "repo:r", "machine:m"] as const;
    const news = async (after: number, limit = 50, before = 100) =>
      (await store.mail.news({ sessionId: session_id, after, before, channels, limit })).map(
        ({ event, repeat }) => [event.id, repeat],
      );
    for (const channel of ["repo:r", "repo:other", "all", "machine:m"]) await publish(store, { channel });
    const own = await publish(store, { session_id });
    expect(await news(1)).toEqual([2, 4, 5].map((id) => [id, false]));
    expect(await news(1, 2)).toEqual([4, 5].map((id) => [id, false]));
    expect(await news(1, 2, 5)).toEqual([2, 4].map((id) => [id, false]));
    expect(await news(2, 1, 5)).toEqual([[4, false]]);
    expect(own.id).toBe(6);
    await store.mail.offer({
      sessionId: session_id,
      by: "prompt",
      single: [],
      others: [{ id: 2 }, { id: 4 }],
    });
    expect(await news(1)).toEqual([
      [2, true],
      [4, true],
      [5, false],
    ]);
  });
}
