import { expect, test } from "bun:test";
import { NEED_ANSWERED } from "../../../src/domain/answer_need.ts";
import { addressed } from "../../../src/domain/delivery_policy.ts";
import { type EventDraft, PERSON_CHANNEL } from "../../../src/domain/event.ts";
import { type Answer, type DialogDraft, type Need, WITHDRAWN } from "../../../src/domain/need.ts";
import type { Store } from "../../../src/domain/store.ts";
import { aDraft, closed, type Engine, opened, publish, StoppedClock, webhook } from "../engine.ts";

const ALLOW: Answer = { behavior: "allow" };
const SHELL = { by: "person", via: "shell" } as const;
const ASK: Partial<EventDraft> = {
  event_type: "question",
  channel: PERSON_CHANNEL,
  correlation_id: "q-1",
  session_id: "s",
};
/** No engine takes an event without a text. */
const BROKEN = { payload: null as never };

function aDialog(more: Partial<DialogDraft> = {}): DialogDraft {
  return {
    ...{ key: "k", kind: "permission", session_id: "s", text: "Write: /tmp/x", tool: "Write" },
    ...{ input: '{"file_path":"/tmp/x"}', cwd: "/tmp", branch: "main", since: "2026-03-01T11:59:00.000Z" },
    ...{ answerable: true, ...more },
  };
}

/** Answers a need with an event. Null if it is closed. */
async function answer(store: Store, { need_id }: Need, given = ALLOW, more: Partial<EventDraft> = {}) {
  const draft = aDraft({ event_type: NEED_ANSWERED, payload: `need ${need_id}`, ...more });
  const change = { kind: "answer", needId: need_id, answer: given, ...SHELL } as const;
  return store.append(addressed(draft, await store.webhooks.active(), change));
}

export function needs({ place }: Engine): void {
  const started = async () => {
    const clock = new StoppedClock();
    const at = place();
    const store = await opened(at, clock);
    const standing = async () => (await store.needs.standing()).map(({ need_id }) => need_id);
    return { store, clock, at, standing };
  };

  test("a dialog is open with all that is known of it, once for its key", async () => {
    const { store, standing } = await started();
    const need = await store.needs.open(aDialog());
    const { secret, ...shown } = need;
    expect(secret).toMatch(/^[0-9a-f]{32}$/);
    const { key: _key, ...drafted } = aDialog();
    expect(shown).toEqual({
      ...{ ...drafted, need_id: 1, event_id: null, state: "open", answer: null, by: null, via: null },
      ...{ closed_at: null, reason: null, taken_at: null },
    });
    expect(await store.needs.open(aDialog({ text: "another", since: "2026-03-01T12:00:00.000Z" }))).toEqual(
      need,
    );
    const other = await store.needs.open(aDialog({ key: "l", input: null, tool: null, cwd: null }));
    expect(other).toMatchObject({ input: null, tool: null, cwd: null });
    expect(other.secret).not.toBe(secret);
    expect(await standing()).toEqual([need.need_id, other.need_id]);
    expect(await store.needs.get(need.need_id)).toEqual(need);
    expect(await store.needs.get(99)).toBeUndefined();
  });

  test("one key given twice at once is one dialog", async () => {
    const { store } = await started();
    const made = await Promise.all([1, 2, 3].map(() => store.needs.open(aDialog())));
    expect(new Set(made.map(({ need_id }) => need_id)).size).toBe(1);
  });

  test.each<[reason: string, state: Need["state"]]>([
    [WITHDRAWN.lost, "open"],
    [WITHDRAWN.session, "open"],
    [WITHDRAWN.terminal, "withdrawn"],
  ])("a need that was withdrawn, %s, is %s when its hook reports it again", async (reason, state) => {
    const { store, standing } = await started();
    const need = await store.needs.open(aDialog());
    expect(await store.needs.withdraw(need.need_id, reason)).toBe(true);
    const since = "2026-03-01T12:00:00.000Z";
    const again = await store.needs.open(aDialog({ since }));
    const isOpen = state === "open";
    expect(again).toMatchObject({ need_id: need.need_id, state, secret: need.secret });
    expect(again).toMatchObject(isOpen ? { since, reason: null, closed_at: null } : { reason });
    expect(await standing()).toEqual(isOpen ? [need.need_id] : []);
  });

  test("an answered need stays answered when its hook reports it again", async () => {
    const { store, standing } = await started();
    const need = await store.needs.open(aDialog());
    await answer(store, need);
    expect(await store.needs.open(aDialog())).toMatchObject({ state: "answered", answer: ALLOW });
    expect(await standing()).toEqual([]);
  });

  test("a need is withdrawn once, at a time and for a reason", async () => {
    const { store, clock } = await started();
    const { need_id } = await store.needs.open(aDialog());
    clock.at += 5_000;
    const both = ["a", "b"].map((reason) => store.needs.withdraw(need_id, reason));
    expect(await Promise.all(both)).toEqual([true, false]);
    expect(await store.needs.get(need_id)).toMatchObject({
      ...{ state: "withdrawn", reason: "a", closed_at: "2026-03-01T12:00:05.000Z", answer: null },
    });
    expect(await store.needs.withdraw(99, "a")).toBe(false);
  });

  test("standing are the open ones, oldest first; recent are all, latest first", async () => {
    const { store, standing } = await started();
    const made: Need[] = [];
    for (const key of ["a", "b", "c", "d"]) made.push(await store.needs.open(aDialog({ key })));
    const [a, b, c, d] = made.map(({ need_id }) => need_id) as [number, number, number, number];
    await store.needs.withdraw(b, WITHDRAWN.lost);
    expect(await standing()).toEqual([a, c, d]);
    const recent = async (limit: number) => (await store.needs.recent(limit)).map(({ need_id }) => need_id);
    expect([await recent(9), await recent(2)]).toEqual([
      [d, c, b, a],
      [d, c],
    ]);
    await store.needs.open(aDialog({ key: "b" }));
    expect(await standing()).toEqual([a, b, c, d]);
  });

  test("an answer and its event are one: both or neither", async () => {
    const { store, clock } = await started();
    const need = await store.needs.open(aDialog());
    const before = await store.events.tip();
    expect(answer(store, need, ALLOW, BROKEN)).rejects.toThrow();
    expect(await store.needs.get(need.need_id)).toEqual(need);
    expect(await store.events.tip()).toBe(before);
    clock.at += 1_000;
    const event = await answer(store, need, { behavior: "deny", message: "no" });
    expect(event?.id).toBe(before + 1);
    expect(await store.needs.get(need.need_id)).toMatchObject({
      ...{ state: "answered", answer: { behavior: "deny", message: "no" }, by: "person", via: "shell" },
      ...{ closed_at: "2026-03-01T12:00:01.000Z", taken_at: null },
    });
  });

  test("of two answers at once one wins, and the other leaves no event", async () => {
    const { store } = await started();
    const need = await store.needs.open(aDialog());
    const before = await store.events.tip();
    const given: Answer[] = [ALLOW, { behavior: "deny" }, ALLOW];
    const events = await Promise.all(given.map((one) => answer(store, need, one)));
    expect(events.map((event) => event !== null)).toEqual([true, false, false]);
    expect(await store.events.tip()).toBe(before + 1);
    expect((await store.needs.get(need.need_id))?.answer).toEqual(ALLOW);
    expect(await store.needs.withdraw(need.need_id, WITHDRAWN.terminal)).toBe(false);
  });

  test("a withdrawn need takes no answer, and nor does one that there is not", async () => {
    const { store } = await started();
    const need = await store.needs.open(aDialog());
    const before = await store.events.tip();
    const [withdrawn, event] = await Promise.all([
      store.needs.withdraw(need.need_id, WITHDRAWN.terminal),
      answer(store, need),
    ]);
    expect([withdrawn, event]).toEqual([true, null]);
    expect(await answer(store, { ...need, need_id: 99 })).toBeNull();
    expect(await store.events.tip()).toBe(before);
    expect((await store.needs.get(need.need_id))?.answer).toBeNull();
  });

  test("an answer decided before the webhooks changed is decided again", async () => {
    const { store } = await started();
    const need = await store.needs.open(aDialog());
    const active = await store.webhooks.active();
    await webhook(store);
    const change = { kind: "answer", needId: need.need_id, answer: ALLOW, ...SHELL } as const;
    expect(await store.append(addressed(aDraft(), active, change))).toBeNull();
    expect((await store.needs.get(need.need_id))?.state).toBe("open");
    expect(await answer(store, need)).not.toBeNull();
  });

  test.each<[what: string, event: Partial<EventDraft>, need: Partial<Need>]>([
    [
      "a call for help",
      { event_type: "help_needed", session_id: "s" },
      { kind: "help", session_id: "s", text: "p" },
    ],
    ["a question to the person", { ...ASK, title: "t" }, { kind: "ask", session_id: "s", text: "t: p" }],
  ])("%s opens its need in the transaction of its event", async (_what, more, need) => {
    const { store } = await started();
    expect(publish(store, { ...more, ...BROKEN })).rejects.toThrow();
    expect(await store.needs.standing()).toEqual([]);
    const { id } = await publish(store, more);
    expect(await store.needs.standing()).toMatchObject([{ ...need, event_id: id, answerable: true }]);
  });

  test.each<[what: string, event: Partial<EventDraft>]>([
    ["a note to the person", { channel: PERSON_CHANNEL, session_id: "s" }],
    ["the person's own question", { ...ASK, session_id: "human" }],
    ["a question to a session", { ...ASK, channel: "session:t" }],
    ["help that is only told", { event_type: "help_needed", session_id: "s", explicit_level: "info" }],
  ])("no need: %s", async (_what, more) => {
    const { store } = await started();
    await publish(store, more);
    expect(await store.needs.standing()).toEqual([]);
  });

  test("the person's answer settles what was asked; a session's withdraws it; a broken one does nothing", async () => {
    const { store, standing } = await started();
    const reply = { event_type: "answer", correlation_id: "q-1" };
    await publish(store, ASK);
    const help = await publish(store, { event_type: "help_needed", session_id: "s" });
    expect(publish(store, { ...reply, ...BROKEN })).rejects.toThrow();
    await publish(store, { ...reply, correlation_id: "q-2" });
    await publish(store, { ...reply, event_type: "note" });
    expect(await standing()).toEqual([1, 2]);
    await publish(store, { ...reply, payload: "yes", origin: "person", session_id: "human" });
    expect(await store.needs.get(1)).toMatchObject({
      ...{ state: "answered", answer: { text: "yes" }, ...SHELL },
    });
    await publish(store, { ...reply, correlation_id: `event-${help.id}`, session_id: "t" });
    expect(await store.needs.get(2)).toMatchObject({
      ...{ state: "withdrawn", reason: WITHDRAWN.elsewhere, answer: null },
    });
    await publish(store, ASK);
    expect(await standing()).toEqual([3]);
  });

  test("an answer is taken once", async () => {
    const { store, clock } = await started();
    const need = await store.needs.open(aDialog());
    await answer(store, need);
    clock.at += 1_000;
    await store.needs.taken(need.need_id);
    clock.at += 1_000;
    await store.needs.taken(need.need_id);
    expect((await store.needs.get(need.need_id))?.taken_at).toBe("2026-03-01T12:00:01.000Z");
  });

  test("a listener is told of each change after its commit, and of nothing that was undone", async () => {
    const { store } = await started();
    let told: [number, Need["state"]][] = [];
    store.needs.listen(({ need_id, state }) => told.push([need_id, state]));
    const tellsOf = async (change: () => Promise<unknown>) => {
      told = [];
      await change();
      // A write resolves before its listeners are told.
      await store.events.tip();
      return told;
    };
    const { needs: all } = store;
    const open = () => all.open(aDialog());
    expect(await tellsOf(open)).toEqual([[1, "open"]]);
    expect(await tellsOf(open)).toEqual([]);
    expect(await tellsOf(() => all.withdraw(1, WITHDRAWN.lost))).toEqual([[1, "withdrawn"]]);
    expect(await tellsOf(() => all.withdraw(1, WITHDRAWN.lost))).toEqual([]);
    expect(await tellsOf(open)).toEqual([[1, "open"]]);
    const need = (await all.get(1)) as Need;
    expect(await tellsOf(() => answer(store, need, ALLOW, BROKEN).catch(() => {}))).toEqual([]);
    // A neighbour that fails undoes the shared transaction. Each unit runs again alone.
    const beside = () =>
      Promise.allSettled([publish(store, ASK), answer(store, need, ALLOW, BROKEN), all.withdraw(9, "x")]);
    expect(await tellsOf(beside)).toEqual([[2, "open"]]);
    expect(await tellsOf(() => answer(store, need))).toEqual([[1, "answered"]]);
    expect(await tellsOf(() => all.taken(1))).toEqual([[1, "answered"]]);
    expect(await tellsOf(() => all.taken(1))).toEqual([]);
    const settles = { event_type: "answer", correlation_id: "q-1", session_id: "t" };
    expect(await tellsOf(() => publish(store, settles))).toEqual([[2, "withdrawn"]]);
    expect(await tellsOf(() => publish(store))).toEqual([]);
  });

  test("needs outlive the store, and no id is given twice", async () => {
    const { store, at } = await started();
    const [answered, open] = [
      await store.needs.open(aDialog()),
      await store.needs.open(aDialog({ key: "l" })),
    ];
    await answer(store, answered);
    const before = await store.needs.recent(9);
    await closed(store);
    const again = await opened(at);
    expect(await again.needs.recent(9)).toEqual(before);
    expect(await again.needs.standing()).toEqual([open]);
    expect((await again.needs.open(aDialog({ key: "m" }))).need_id).toBe(3);
  });

  test("every answer that was acknowledged is there after a kill, and each has its one event", async () => {
    const killed = place();
    for (let round = 0; round < 3; round++) {
      const acknowledged = await killed.answerUntilKilled();
      const store = await opened(killed);
      const { events } = await store.events.read({ order: "asc", limit: 1_000, most_bytes: 1e9 });
      const told = events.filter(({ event_type }) => event_type === NEED_ANSWERED).map((one) => one.payload);
      const all = await store.needs.recent(1_000);
      const answered = all
        .filter(({ state }) => state === "answered")
        .map(({ need_id }) => `need ${need_id}`);
      expect(acknowledged.length).toBeGreaterThan(20);
      expect(told.slice().sort()).toEqual(answered.sort());
      for (const one of acknowledged) expect(told).toContain(one);
      await closed(store);
    }
  });
}
