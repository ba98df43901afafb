import { afterEach, beforeEach, expect, test } from "bun:test";
import { join as path } from "node:path";
import { Notices } from "../../src/desktop/notices.ts";
import { ORIGINS } from "../../src/domain/caller.ts";
import type { Bus, Notification } from "../../src/domain/context.ts";
import { Dialogs } from "../../src/domain/dialogs.ts";
import { type Event, type EventDraft, PERSON, PERSON_CHANNEL } from "../../src/domain/event.ts";
import type { NotifySetting } from "../../src/domain/notification.ts";
import type { Session } from "../../src/domain/session.ts";
import type { Store } from "../../src/domain/store.ts";
import { lockDatabase, openStore } from "../../src/sqlite/store.ts";
import * as engine from "../store/engine.ts";
import { tempFolder } from "../support/folder.ts";

let db: string;
let now: number;
let store: Store;
let notices: Notices;
let shown: Notification[];
let withdrawn: string[];
let timers: { at: number; run: () => void }[];

beforeEach(async () => {
  db = path(tempFolder(), "data.db");
  now = Date.UTC(2026, 2, 1, 12);
  store = openStore(db, lockDatabase(db), { now: () => now });
  await start("needs-me");
});
afterEach(async () => {
  notices.stop();
  await store.close();
});

/** Starts following the store's events, as a process of the bus does. */
async function start(setting: NotifySetting): Promise<void> {
  [shown, withdrawn, timers] = [[], [], []];
  const bus = {
    dialogs: new Dialogs(),
    ...{ store, now: () => now, host: "m", notices: setting, subscriptions: { has: () => false } },
    ...{ processExists: () => false, processStart: () => null },
    notify: async (notification: Notification) => shown.push(notification) > 0,
    warn: (message: string) => {
      throw new Error(message);
    },
  } as unknown as Bus;
  notices = new Notices(
    bus,
    async (group) => void withdrawn.push(group),
    (run, ms) => {
      const timer = { at: now + ms, run };
      timers.push(timer);
      return () => {
        timers = timers.filter((one) => one !== timer);
      };
    },
  );
  await notices.start();
  await settled();
}

/** Ends the process, without or with its last words, and starts another one. */
async function restart(setting: NotifySetting = "needs-me"): Promise<void> {
  notices.stop();
  await store.close();
  store = openStore(db, lockDatabase(db), { now: () => now });
  await start(setting);
}

async function settled(): Promise<void> {
  for (let turns = 0; turns < 30; turns++) await Bun.sleep(0);
}

async function pass(ms: number): Promise<void> {
  const end = now + ms;
  for (;;) {
    const next = timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
    if (next === undefined) break;
    timers = timers.filter((one) => one !== next);
    now = Math.max(now, next.at);
    next.run();
    await settled();
  }
  now = end;
}

function aSession(name: string, state: Session["state"] = null): Promise<Session> {
  const at = new Date(now).toISOString();
  const more = { display_id: `${name}-otter`, name, state, last_heartbeat: at };
  return engine.join(store, { session_id: `${name}-id`, ...more });
}

async function send(channel: string, more: Partial<EventDraft> = {}): Promise<Event> {
  const event = await engine.publish(store, { channel, session_id: "api-id", ...more });
  await settled();
  return event;
}

const texts = () => shown.map(({ message, others }) => (others ? `${message} +${others}` : message));

test("a direct message to a session without hooks is shown at once, with both names", async () => {
  await aSession("api");
  await aSession("web");
  await send("session:web-id", { payload: "hello" });
  expect(shown).toEqual([
    {
      title: "📨 web • r",
      subtitle: "From: api (api-otter)",
      message: "hello",
      group: "session-web-id",
      others: 0,
    },
  ]);
});

test("one to a session with hooks is shown after 15 s if it was not seen, and only then", async () => {
  await aSession("api", "busy");
  await aSession("web", "idle");
  const seen = await send("session:web-id", { payload: "seen" });
  await send("session:web-id", { payload: "unseen" });
  await store.mail.see("web-id", [seen.id], []);
  await pass(14_999);
  expect(shown).toEqual([]);
  await pass(1_001);
  expect(shown).toMatchObject([
    { message: "unseen", subtitle: "From: api (api-otter), not seen yet", others: 0 },
  ]);
  await pass(600_000);
  expect(shown).toHaveLength(1);
});

test("each of many messages is looked at when its own time is over", async () => {
  await aSession("web", "idle");
  for (let i = 0; i < 10; i++) {
    await send("session:web-id", { payload: `${i}` });
    await pass(3_000);
  }
  expect(texts()).toEqual(["0", "1 +1", "2 +2", "3 +3", "4 +4", "5 +5"]);
  await pass(16_000);
  expect(texts().at(-1)).toBe("9 +9");
});

test("a restart in between loses no message, and shows none again", async () => {
  await aSession("web", "idle");
  await send("session:web-id", { payload: "before" });
  await pass(16_000);
  await send("session:web-id", { payload: "between" });
  await pass(5_000);
  await restart();
  expect(shown).toEqual([]);
  await pass(9_999);
  expect(shown).toEqual([]);
  await pass(1_001);
  expect(texts()).toEqual(["between"]);
  await restart();
  await pass(60_000);
  expect(shown).toEqual([]);
});

test("a message that became due while the bus was away is shown at its start", async () => {
  await aSession("web", "idle");
  await send("session:web-id", { payload: "late" });
  now += 3_600_000;
  await restart();
  await pass(0);
  expect(texts()).toEqual(["late"]);
});

test("what was unseen under another setting, or before the first start, is not shown later", async () => {
  await aSession("web", "idle");
  await send("session:web-id", { payload: "seen" }).then(({ id }) => store.mail.see("web-id", [id], []));
  await restart("direct");
  await send("session:web-id", { payload: "at once" });
  expect(texts()).toEqual(["at once"]);
  await restart("needs-me");
  await pass(60_000);
  expect(shown).toEqual([]);
  await send("session:web-id", { payload: "new" });
  await pass(16_000);
  expect(texts()).toEqual(["new"]);
});

test("a notification is withdrawn when the last of its messages is seen", async () => {
  await aSession("web");
  const [first, second] = [await send("session:web-id"), await send("session:web-id")];
  await pass(5_000);
  await store.mail.see("web-id", [first.id], []);
  await settled();
  expect(withdrawn).toEqual([]);
  await store.sessions.acknowledge("web-id", second.id);
  await settled();
  expect(withdrawn).toEqual(["session-web-id"]);
  await send("session:web-id", { payload: "again" });
  expect(shown.at(-1)).toMatchObject({ message: "again", others: 0 });
});

test("one whose message is seen at once stays for two seconds", async () => {
  await aSession("web");
  const message = await send("session:web-id");
  await store.mail.see("web-id", [message.id], []);
  await pass(1_999);
  expect(withdrawn).toEqual([]);
  await pass(1);
  expect(withdrawn).toEqual(["session-web-id"]);
});

test("with direct, one whose message is seen at once stays for ten seconds", async () => {
  await restart("direct");
  await aSession("web", "idle");
  const message = await send("session:web-id");
  await store.mail.see("web-id", [message.id], []);
  await pass(9_999);
  expect(withdrawn).toEqual([]);
  await pass(1);
  expect(withdrawn).toEqual(["session-web-id"]);
});

test("mail to the user is shown, counted by sender, and withdrawn when the user has read it", async () => {
  await aSession("api");
  await aSession("web", "busy");
  const sent = [
    await send(PERSON_CHANNEL, { payload: "one" }),
    await send(PERSON_CHANNEL, { payload: "two" }),
    await send(PERSON_CHANNEL, { payload: "three", session_id: "web-id" }),
  ];
  expect(shown.map(({ title }) => title)).toEqual(["📨 api → you", "📨 api → you", "📨 web → you"]);
  expect(texts()).toEqual(["one", "two +1", "three"]);
  await pass(5_000);
  await store.mail.see(
    PERSON,
    sent.slice(0, 2).map(({ id }) => id),
    [],
  );
  await settled();
  expect(withdrawn).toEqual(["mail-api-id"]);
});

test("an answer of an agent does not withdraw mail to the user", async () => {
  const question = await send(PERSON_CHANNEL, { event_type: "question", correlation_id: "q" });
  await pass(5_000);
  await send("session:api-id", { event_type: "answer", correlation_id: "q", session_id: "web-id" });
  expect(withdrawn).toEqual([]);
  await store.mail.acknowledge(PERSON, question.id);
  await settled();
  expect(withdrawn).toEqual(["mail-anonymous"]);
});

test("help_needed is withdrawn when it is answered", async () => {
  await aSession("api");
  const first = await send("all", { event_type: "help_needed", payload: "stuck" });
  await send("all", { event_type: "help_needed", payload: "still", correlation_id: "c" });
  expect(texts()).toEqual(["stuck", "still +1"]);
  await pass(5_000);
  await send("session:api-id", { event_type: "answer", correlation_id: `event-${first.id}` });
  expect(withdrawn).toEqual([]);
  await send("session:api-id", { event_type: "answer", correlation_id: "c" });
  expect(withdrawn).toEqual(["help_needed-api-id"]);
});

test("a failure of CI is shown for the repository of a living session", async () => {
  await aSession("web", "busy");
  await send("repo:r", { event_type: "ci_failed", payload: "red" });
  await send("repo:other", { event_type: "ci_failed" });
  expect(shown).toMatchObject([{ title: "⚠️ ci failed • repo:r", message: "red", group: "ci_failed-r" }]);
  now += 25 * 3_600_000;
  await send("repo:r", { event_type: "ci_failed" });
  expect(shown).toHaveLength(1);
});

test("a hundred calls for help of senders that are not registered are one notification with their number", async () => {
  for (let i = 0; i < 100; i++)
    await send("all", { event_type: "help_needed", payload: `${i}`, session_id: `fake-${i}` });
  expect(new Set(shown.map(({ group }) => group)).size).toBe(1);
  expect(texts().at(-1)).toBe("99 +99");
});

test("the user's own events show nothing", async () => {
  await aSession("web");
  const own = { session_id: PERSON, origin: ORIGINS.person };
  await send("session:web-id", own);
  await send("all", { ...own, event_type: "help_needed" });
  expect(shown).toEqual([]);
});

test("nothing is shown with off, nor after the stop, and no timer is left", async () => {
  await aSession("web");
  await aSession("api", "busy");
  notices.stop();
  await send("session:web-id");
  await send("session:api-id", { session_id: "web-id" });
  expect([shown, timers]).toEqual([[], []]);
  await restart("off");
  await send("session:web-id");
  await send(PERSON_CHANNEL);
  await pass(60_000);
  expect([shown, timers]).toEqual([[], []]);
});
