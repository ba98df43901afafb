import { describe, expect, test } from "bun:test";
import type { EventDraft } from "../../src/domain/event.ts";
import { append } from "../../src/domain/publish.ts";
import { startHere } from "../support/bus.ts";
import { readsIn } from "./digest.ts";
import { startSession } from "./session.ts";

const START = Date.UTC(2026, 10, 29, 9);
const MINUTE_MS = 60_000;

class SetClock {
  at = START;
  now = () => this.at;
}

async function start(env: Record<string, string> = {}) {
  const clock = new SetClock();
  const bus = await startHere({ now: clock.now, env });
  const api = await startSession(bus, { name: "api", repo: "shop" });
  const web = await startSession(bus, { name: "web", repo: "shop" });
  const publish = (draft: Partial<EventDraft>) =>
    append(bus.server.store, {
      ...{ event_type: "note", payload: "x", session_id: web.id, channel: "repo:shop", origin: "local" },
      ...draft,
    }).then(({ id }) => id);
  /** Slowly enough to be no storm. */
  const many = async (count: number, draft: Partial<EventDraft>, apartMs = 4_000) => {
    const published: Promise<number>[] = [];
    for (let i = 0; i < count; i++) {
      clock.at += apartMs;
      published.push(publish(draft));
      if (i % 20 === 0) await published.at(-1);
    }
    return Promise.all(published);
  };
  return { clock, bus, api, web, publish, many };
}

const ACTIONABLE = { event_type: "help_needed" } as const;

describe("a long backlog", () => {
  test("of 10,000: the newest are handed over at once, the others are counted as far as they were looked at", async () => {
    const { bus, api, publish, many } = await start();
    await many(10_000, { event_type: "note" });
    const fresh = await publish(ACTIONABLE);
    const text = await api.read("prompt");
    expect(api.ids(text)).toEqual([fresh]);
    expect(text).toContain("999 other events since ");
    expect(text).toContain(", and up to 9002 older ones. To read them: get_events(");
    const read = await readsIn(bus, text);
    expect(read).toHaveLength(1_000);
    expect(await api.read("prompt")).toBe("");
  });

  test("does not keep a message of the user from waking the session, nor one of another session", async () => {
    const { api, web, publish, many } = await start();
    await many(3_000, { event_type: "note" });
    for (const draft of [
      { origin: "person", session_id: "human", channel: "all" },
      { channel: `session:${api.id}` },
    ]) {
      const id = await publish(draft);
      const text = await api.read("wake");
      expect(api.ids(text)).toEqual([id]);
    }
    expect(await web.read("wake")).not.toBe("");
  });

  test("is not passed over in silence, though a thousand events of no interest came since", async () => {
    const { bus, api, publish, many } = await start();
    const note = await publish({});
    await many(1_100, { event_type: "task_started", channel: "all" });
    const text = await api.read("prompt");
    expect(text).toContain("\nup to 102 older events. To read them: get_events(");
    expect(await readsIn(bus, text)).toEqual([note]);
    expect(await api.read("prompt")).toBe("");
  });

  test("of large events is looked at as far as memory allows", async () => {
    const { api, publish, many } = await start();
    await many(60, { payload: "x".repeat(1_000_000) });
    const fresh = await publish(ACTIONABLE);
    const text = await api.read("prompt");
    expect(api.ids(text)).toEqual([fresh]);
    expect(text).toContain("49 other events since ");
    expect(text).toContain("and up to 12 older ones");
  });
});

describe("a digest", () => {
  test("reads all that it counted, though the channel holds other events in between", async () => {
    const { bus, api, publish } = await start();
    const counted: number[] = [];
    for (let i = 0; i < 10; i++) {
      await publish({ event_type: "task_started", channel: "all" });
      counted.push(await publish({ channel: i % 2 ? "all" : "repo:shop" }));
      await publish({ session_id: api.id });
      await publish({ event_type: "session_registered", channel: "all" });
    }
    const text = await api.read("prompt");
    expect(text).toContain("10 events since ");
    const read = await readsIn(bus, text);
    expect(counted.filter((id) => !read.includes(id))).toEqual([]);
    const own = (await bus.call("get_events", { limit: 100 })).events
      .filter(({ session_id }: { session_id: string }) => session_id === api.id)
      .map(({ id }: { id: number }) => id);
    expect(read.filter((id) => !counted.includes(id) && !own.includes(id))).toEqual([]);
  });

  test("counts what there is no room for, once", async () => {
    const { bus, api, many } = await start();
    const before = await many(3, { event_type: "note" });
    const large = await many(10, { ...ACTIONABLE, payload: "long ".repeat(400) });
    const after = await many(4, { event_type: "note" });
    const text = await api.read("prompt");
    const shown = api.ids(text);
    expect(shown.length).toBeGreaterThan(1);
    expect(shown).toEqual(large.slice(-shown.length));
    expect(text).toContain(`${17 - shown.length} other events since `);
    expect(text).not.toContain(" more: ");
    const read = await readsIn(bus, text);
    const counted = [...before, ...large.slice(0, -shown.length), ...after];
    expect(counted.filter((id) => !read.includes(id))).toEqual([]);
    expect(await api.read("prompt")).toBe("");
  });

  test("names each sender and type, and says how many kinds are left", async () => {
    const { api, publish } = await start();
    for (let i = 0; i < 100; i++) await publish({ session_id: `stranger-${i}`, event_type: `kind-${i % 3}` });
    const text = await api.read("prompt");
    expect(text).toContain("100 events since ");
    expect(text).toContain("92 more kinds. To read them: ");
  });
});

describe("a muted session", () => {
  test("is told once how many messages wait and until when, and has them afterwards", async () => {
    const { clock, bus, api, publish } = await start();
    await bus.call("set_attention", { session: api.id, mute_seconds: 3_600 });
    const mail = [
      await publish({ channel: `session:${api.id}` }),
      await publish({ channel: `session:${api.id}` }),
    ];
    expect(await api.read("wake")).toBe("");
    expect(await api.read("tool")).toBe("");
    const text = await api.read("prompt");
    expect(text).toMatch(/^2 direct messages wait until \d\d:\d\d, because this session is muted\.$/m);
    expect(text).not.toContain("events since");
    expect(await api.read("prompt")).toBe("");
    mail.push(await publish({ channel: `session:${api.id}` }));
    await publish({});
    const next = await api.read("prompt");
    expect(next).toContain("1 event since ");
    expect(next).toContain("3 direct messages wait until ");
    clock.at += 3_600_000;
    expect(api.ids(await api.read("wake"))).toEqual(mail);
  });
});

test("what is off wakes nobody, and comes with the next prompt", async () => {
  const { bus, api, publish } = await start();
  await bus.call("set_attention", { session: api.id, wake: "off" });
  const id = await publish({ channel: `session:${api.id}` });
  const person = await publish({ channel: "all", origin: "person", session_id: "human" });
  expect(await api.read("wake")).toBe("");
  expect(await api.read("stop")).toBe("");
  // The user comes first.
  expect(api.ids(await api.read("prompt"))).toEqual([person, id]);
});

describe("a storm", () => {
  test("stays one through a restart of the bus, also for a session that its repository wakes", async () => {
    const clock = new SetClock();
    const env = { AGENT_EVENT_BUS_WAKE: "repo" };
    const first = await startHere({ now: clock.now, env });
    const api = await startSession(first, { name: "api", repo: "shop" });
    const draft = {
      ...ACTIONABLE,
      payload: "x",
      session_id: "runaway",
      channel: "repo:shop",
      origin: "local",
    };
    for (let i = 0; i < 30; i++) await append(first.server.store, draft);
    await first.stop();
    const again = await startHere({ now: clock.now, env, folder: first.folder });
    const back = api.on(again);
    for (let i = 0; i < 15; i++) await append(again.server.store, draft);
    expect(await back.read("wake")).toBe("");
    expect(await back.read("prompt")).toContain("45 events since ");
  });

  test("is none when the clock is set back between slow events", async () => {
    const { clock, api, many } = await start();
    const before = await many(20, ACTIONABLE, 1_000);
    expect(api.ids(await api.read("prompt"))).toEqual(before);
    clock.at -= 3_600_000;
    const id = await many(1, ACTIONABLE);
    expect(api.ids(await api.read("tool"))).toEqual(id);
  });
});

describe("a budget", () => {
  test("lets one sender wake a session 10 times in 5 minutes, and the others go on", async () => {
    const { clock, bus, api, web, publish } = await start();
    const other = await startSession(bus, { name: "db", repo: "shop" });
    let woken = 0;
    for (let i = 0; i < 15; i++) {
      clock.at += 1_000;
      await web.works();
      await publish({ channel: `session:${api.id}` });
      if ((await api.read("wake")) !== "") woken++;
    }
    expect(woken).toBe(10);
    const id = await publish({ channel: `session:${api.id}`, session_id: other.id });
    const text = await api.read("wake");
    expect(api.ids(text)).toContain(id);
    expect(api.ids(text)).toHaveLength(6);
    clock.at += 5 * MINUTE_MS;
    await publish({ channel: `session:${api.id}` });
    expect(await api.read("wake")).not.toBe("");
  });

  test("counts a wake for the session that caused it, not for the first that is handed over with it", async () => {
    const { clock, bus, api, web, publish } = await start();
    const other = await startSession(bus, { name: "db", repo: "shop" });
    for (let i = 0; i < 10; i++) {
      clock.at += 1_000;
      await web.works();
      await publish({ channel: `session:${api.id}`, explicit_level: "info", session_id: other.id });
      await publish({ channel: `session:${api.id}` });
      expect(await api.read("wake")).not.toBe("");
    }
    await web.works();
    await publish({ channel: `session:${api.id}` });
    expect(await api.read("wake")).toBe("");
    await publish({ channel: `session:${api.id}`, session_id: other.id });
    expect(await api.read("wake")).not.toBe("");
  });

  test("is 60 wakes an hour; the user and answers to own questions are exempt and use up nothing", async () => {
    const { clock, bus, api, publish } = await start();
    const person = { origin: "person", session_id: "human", channel: "all" };
    const wakes = async (draft: Partial<EventDraft>) => {
      await publish(draft);
      return (await api.read("wake")) !== "";
    };
    for (let i = 0; i < 70; i++) expect(await wakes(person)).toBe(true);
    const mail = { channel: `session:${api.id}` };
    for (let i = 0; i < 60; i++) {
      clock.at += 1_000;
      expect(await wakes({ ...mail, session_id: `other-${i}` })).toBe(true);
    }
    expect(await wakes({ ...mail, session_id: "one-more" })).toBe(false);
    expect(
      (await bus.call("list_sessions")).result.find(({ name }: { name: string }) => name === "api"),
    ).toBeDefined();
    expect(await wakes(person)).toBe(true);
    const question = {
      event_type: "question",
      correlation_id: "q",
      session_id: api.id,
      channel: "session:other-1",
    };
    await publish(question);
    expect(await wakes({ ...mail, event_type: "answer", correlation_id: "q", session_id: "other-1" })).toBe(
      true,
    );
    expect(await wakes({ ...mail, event_type: "answer", correlation_id: "not-asked", session_id: "o" })).toBe(
      false,
    );
    clock.at += 3_600_000;
    expect(await wakes({ ...mail, session_id: "o" })).toBe(true);
  });
});

describe("two hooks of one session", () => {
  test("at the same moment hand every event over once, and count it once", async () => {
    const { bus, api, publish } = await start();
    const shown: number[] = [];
    for (let i = 0; i < 5; i++)
      shown.push(await publish({ channel: `session:${api.id}` }), await publish(ACTIONABLE));
    await publish({});
    const texts = await Promise.all(
      (["tool", "prompt", "tool", "prompt", "stop"] as const).map((path) => api.read(path)),
    );
    expect(texts.flatMap((text) => api.ids(text)).toSorted((a, b) => a - b)).toEqual(shown);
    expect(texts.filter((text) => text.includes("event since "))).toHaveLength(1);
    expect(await bus.call("get_events", { limit: 1 })).toBeDefined();
  });

  test("what comes while one hands over is handed over by the next", async () => {
    const { api, publish } = await start();
    const first = await publish({ channel: `session:${api.id}` });
    const batch = await api.collect("prompt");
    const second = await publish({ channel: `session:${api.id}` });
    const third = await publish(ACTIONABLE);
    await publish({});
    expect(api.ids(await api.confirm(batch, "prompt"))).toEqual([first]);
    const text = await api.read("prompt");
    expect(api.ids(text)).toEqual([second, third]);
    expect(text).toContain("1 other event since ");
  });
});

test("a branch without a name, and a long failure, are no work for the bus", async () => {
  const { api, bus, publish } = await start();
  await bus.call("collect_events", { client_id: api.id, path: "prompt", branch: "" });
  const id = await publish({ event_type: "ci_failed", payload: "a".repeat(1_000_000) });
  expect(await api.read("wake")).toBe("");
  expect(api.ids(await api.read("prompt"))).toEqual([id]);
  await bus.call("collect_events", { client_id: api.id, path: "prompt", branch: "a" });
  const began = performance.now();
  await publish({ event_type: "ci_failed", payload: "a".repeat(1_000_000) });
  expect(await api.read("wake")).toBe("");
  console.log(`a failure of 1 MB that names no branch: ${(performance.now() - began).toFixed(0)} ms`);
});
