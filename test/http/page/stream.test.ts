import { Database } from "bun:sqlite";
import { afterEach, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { openTokens } from "../../../src/tokens/token_files.ts";
import { startBus, startHere, type TestBus } from "../../support/bus.ts";
import { bearer, tokenFor as tokenOf } from "../../support/callers.ts";
import { type OpenStream, openStream, tokenFor } from "../../support/stream.ts";
import { eventually } from "../../support/webhook.ts";

const open: OpenStream[] = [];
afterEach(() => {
  for (const page of open.splice(0)) page.close();
});

async function opened(...args: Parameters<typeof openStream>): Promise<OpenStream> {
  const page = await openStream(...args);
  open.push(page);
  return page;
}

const publish = async (bus: TestBus, payload: string, more = {}): Promise<number> =>
  (await bus.call("publish_event", { event_type: "note", payload, ...more })).event_id;

async function publishMany(bus: TestBus, count: number): Promise<void> {
  for (let left = count; left > 0; left -= 100)
    await Promise.all(Array.from({ length: Math.min(100, left) }, (_, i) => publish(bus, `n ${left - i}`)));
}

const upTo = (last: number, first = 1) => Array.from({ length: last - first + 1 }, (_, i) => first + i);

describe("a page that connects", () => {
  test("gets a greeting, each part of the view, and the newest events, oldest first", async () => {
    const bus = await startHere();
    await publishMany(bus, 310);
    const page = await opened(bus, tokenFor(bus.db));
    await page.until(() => page.ids().length === 300);
    expect(page.status).toBe(200);
    expect(page.type).toBe("text/event-stream; charset=utf-8");
    expect(page.buffering).toBe("no");
    expect(page.ids()).toEqual(upTo(310, 11));
    const names = page.messages.map(({ event }) => event);
    expect(names).toEqual(["hello", "sessions", "needs", "trouble", "today", "health", "events"]);
    expect(page.messages[0]?.data).toMatchObject({ version: expect.any(String), resumed: false });
    expect(page.messages.at(-1)?.id).toBe("310");
    expect(page.newest("health")).toEqual({ state: "running" });
    expect(page.newest("today")).toEqual({ wakes: 0, bytes: 0 });
    const later = await publish(bus, "later");
    await page.until(() => page.ids().at(-1) === later);
  });

  test("gets an empty log as one, and then its first event", async () => {
    const bus = await startHere();
    const page = await opened(bus, tokenFor(bus.db));
    await page.until(() => page.newest("health") !== undefined);
    const first = await publish(bus, "first");
    await page.until(() => page.ids().length > 0);
    expect(page.ids()).toEqual([first]);
  });

  test("after its last message gets all that came since, in pages, and nothing else", async () => {
    const bus = await startHere();
    await publishMany(bus, 1_200);
    const token = tokenFor(bus.db);
    const page = await opened(bus, token, "100");
    await page.until(() => page.ids().at(-1) === 1_200);
    expect(page.messages[0]?.data).toMatchObject({ resumed: true });
    expect(page.ids()).toEqual(upTo(1_200, 101));
    expect(page.messages.filter(({ event }) => event === "events").map(({ id }) => id)).toEqual([
      ...["600", "1100", "1200"],
    ]);
    for (const lastId of ["5000", "x", "-1", "1e3", ""]) {
      const another = await opened(bus, token, lastId);
      await another.until(() => another.ids().length === 300);
      expect(another.messages[0]?.data).toMatchObject({ resumed: false });
    }
  });

  test("after a kill of the bus misses nothing and doubles nothing", async () => {
    let bus = await startBus("binary");
    const { folder, port } = bus;
    const token = tokenFor(join(folder, "data.db"));
    let page = await opened(bus, token);
    const ids: number[] = [];
    for (const round of [1, 2, 3]) {
      const publishing = publishMany(bus, 3_400).catch(() => {});
      await page.until(() => page.ids().length > 500 * round);
      await bus.kill();
      await Promise.all([publishing, page.ended]);
      ids.push(...page.ids());
      bus = await startBus("binary", { folder, port });
      const lastId = page.messages.findLast(({ id }) => id !== undefined)?.id;
      page = await opened(bus, token, lastId);
    }
    const stored = (await bus.call("get_events", { limit: 1 })).events[0].id as number;
    await publishMany(bus, 10_000 - stored);
    await page.until(() => page.ids().at(-1) === 10_000);
    expect([...ids, ...page.ids()]).toEqual(upTo(10_000));
  }, 240_000);
});

describe("who may read the stream", () => {
  test("tokens of another scope, and programs of this machine, are told to sign in", async () => {
    const bus = await startHere();
    const url = `http://127.0.0.1:${bus.port}/api/stream`;
    const ask = async (headers = {}) => {
      const answer = await fetch(url, { headers });
      return [answer.status, JSON.stringify(await answer.json())];
    };
    for (const scope of ["full", "read"] as const) {
      const [status, text] = await ask(bearer(tokenOf(bus.db, `${scope}-token`, scope)));
      expect(status).toBe(403);
      expect(text).toContain("agent-event-bus open");
    }
    expect((await ask(bearer(tokenOf(bus.db, "ci", "publish"))))[0]).toBe(403);
    expect((await ask())[0]).toBe(403);
    expect((await ask({ "sec-fetch-site": "cross-site" }))[0]).toBe(403);
    expect((await ask({ authorization: "Bearer aeb_wrong" }))[0]).toBe(401);
  });

  test("a stream ends with its token, and all end with the bus", async () => {
    const bus = await startHere();
    const [gone, stays] = [
      await opened(bus, tokenFor(bus.db, "gone")),
      await opened(bus, tokenFor(bus.db, "stays")),
    ];
    await gone.until(() => gone.newest("health") !== undefined);
    openTokens(bus.db, Date.now).revoke("gone");
    await gone.ended;
    const last = await publish(bus, "later");
    await stays.until(() => stays.ids().includes(last));
    expect(gone.ids()).toEqual([]);
    await bus.stop();
    await stays.ended;
  });

  test("reads that fail at once, one after the other, leave the bus time for everybody else", async () => {
    const bus = await startBus("binary");
    const page = await opened(bus, tokenFor(bus.db));
    await page.until(() => page.newest("needs") !== undefined);
    using db = new Database(bus.db);
    db.run("ALTER TABLE needs RENAME TO elsewhere");
    const id = await publish(bus, "while the needs cannot be read");
    await Bun.sleep(1_000);
    const answer = await fetch(new URL("/health", bus.url), { signal: AbortSignal.timeout(10_000) });
    expect(answer.status).toBe(200);
    db.run("ALTER TABLE elsewhere RENAME TO needs");
    await page.until(() => page.ids().includes(id));
  });

  test("one reader holds a quarter of the streams at most", async () => {
    const bus = await startHere({ env: { AGENT_EVENT_BUS_LIMIT_WAITERS: "8" } });
    const token = tokenFor(bus.db);
    const [first] = [await opened(bus, token), await opened(bus, token)];
    expect((await opened(bus, token)).status).toBe(503);
    expect((await opened(bus, tokenFor(bus.db, "another"))).status).toBe(200);
    first.close();
    await eventually("its place is free", async () => (await opened(bus, token)).status === 200);
  });
});

describe("readers", () => {
  test("ten readers get the same", async () => {
    const bus = await startHere();
    const token = tokenFor(bus.db);
    const pages = await Promise.all(upTo(10).map(() => opened(bus, token)));
    await publishMany(bus, 2_000);
    await Promise.all(pages.map((page) => page.until(() => page.ids().at(-1) === 2_000)));
    for (const page of pages) expect(page.ids()).toEqual(upTo(2_000));
  });

  test("one that stops reading costs no memory, delays nobody, and gets everything in the end", async () => {
    const bus = await startBus("binary");
    const token = tokenFor(bus.db);
    const head = `GET /api/stream HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer ${token}\r\n\r\n`;
    const silent = await Promise.all(
      upTo(10).map(() =>
        Bun.connect({
          ...{ hostname: "127.0.0.1", port: bus.port },
          socket: {
            open(socket) {
              socket.write(head);
              socket.pause();
            },
            data() {},
          },
        }),
      ),
    );
    const reader = await opened(bus, token);
    const large = "x".repeat(100_000);
    const send = async (count: number) => {
      for (let i = 0; i < count; i++) await publish(bus, large);
    };
    await send(100);
    const before = await residentOf(bus.process.pid);
    await send(600);
    await reader.until(() => reader.ids().at(-1) === 700);
    expect(reader.ids()).toEqual(upTo(700));
    // Each of them has 60 MB to read.
    expect((await residentOf(bus.process.pid)) - before).toBeLessThan(200_000_000);
    for (const socket of silent) socket.end();
  }, 120_000);
});

async function residentOf(pid: number): Promise<number> {
  const status = await Bun.file(`/proc/${pid}/status`).text();
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) * 1024;
}

describe("the view", () => {
  test("a part is sent again only if it changed", async () => {
    const bus = await startHere();
    const page = await opened(bus, tokenFor(bus.db));
    await page.until(() => page.newest("health") !== undefined);
    const { session_id } = await bus.call("register_session", { name: "web", client_id: "c", cwd: "/x" });
    await page.until(() => page.newest("sessions").length === 1);
    expect(page.newest("sessions")[0]).toMatchObject({
      ...{ session_id, name: "web", repo: "x", unread: 0, reach: "polls_only", branch: null },
      ...{ wakes_today: 0, bytes_today: 0, muted_until: null },
    });
    expect(page.newest("sessions")[0]).not.toContainKeys(["age_seconds", "last_words"]);
    for (let i = 0; i < 10; i++) {
      const last = await publish(bus, "n");
      await page.until(() => page.ids().includes(last));
    }
    await bus.call("publish_event", {
      event_type: "help_needed",
      payload: "stuck",
      session_id,
      channel: "all",
    });
    await page.until(() => page.newest("needs").length === 1);
    expect(page.newest("needs")[0]).toMatchObject({ kind: "help", text: "stuck", name: "web", repo: "x" });
    const counts = Map.groupBy(page.messages, ({ event }) => event);
    expect(["today", "health", "trouble"].map((name) => counts.get(name)?.length)).toEqual([1, 1, 1]);
    expect(counts.get("needs")?.length).toBe(2);
  });

  test("messages of a session, wakes and bytes of today", async () => {
    const bus = await startHere();
    await bus.call("register_session", { name: "web", client_id: "c", cwd: "/x" });
    const page = await opened(bus, tokenFor(bus.db));
    const id = await publish(bus, "hello", { channel: "session:c" });
    const row = () => page.newest("sessions")?.[0];
    await page.until(() => row()?.unread === 1);
    const hook = { client_id: "c", path: "stop", last_words: "All\ttests\npass." };
    await bus.call("collect_events", hook);
    await bus.call("confirm_events", { client_id: "c", event_ids: [String(id)], path: "stop", bytes: 321 });
    await page.until(() => row()?.bytes_today === 321 && row()?.unread === 0);
    // Its client goes on with the message, until it stops again.
    await page.until(() => row()?.state === "busy");
    await bus.call("collect_events", hook);
    await page.until(() => row()?.state === "idle");
    expect(row()).toMatchObject({ wakes_today: 1, state: "idle", last_words: "All tests pass." });
    await page.until(() => page.newest("today").bytes === 321);
    expect(page.newest("today")).toEqual({ wakes: 1, bytes: 321 });
  });

  test("the steps of a direct message, of those that changed alone", async () => {
    const bus = await startHere();
    await bus.call("register_session", { name: "web", client_id: "c", cwd: "/x" });
    const [one, two] = [
      await publish(bus, "one", { channel: "session:c" }),
      await publish(bus, "two", { channel: "session:c" }),
    ];
    const page = await opened(bus, tokenFor(bus.db));
    await page.until(() => page.newest("mail") !== undefined);
    const nothing = { state: "stored", offered_at: null, seen_at: null, acked_at: null };
    expect(page.newest("mail")).toEqual({ [one]: nothing, [two]: nothing });
    const [events] = page.messages.filter(({ event }) => event === "events");
    expect(events?.data.events.at(-1)).toMatchObject({ id: two, delivery: "stored" });
    expect(events?.data.names).toMatchObject({ c: "web" });
    const { events: given } = await bus.call("collect_events", { client_id: "c", path: "prompt", limit: 1 });
    await bus.call("confirm_events", { client_id: "c", event_ids: [String(given[0].id)] });
    await page.until(() => page.newest("mail")[one]?.state === "seen");
    const seen = page.newest("mail");
    expect(Object.keys(seen)).toEqual([String(one)]);
    expect(seen[one]).toMatchObject({ offered_at: expect.any(String), seen_at: expect.any(String) });
  });

  test("text of every kind passes as text", async () => {
    const bus = await startHere();
    const hostile = "<img src=x onerror=alert(1)>\n\ndata: no\r\u001b[31m\u202egnp\u2028\u0000 😀 \"'\\";
    await bus.call("register_session", { name: "web", client_id: "c", cwd: hostile });
    const page = await opened(bus, tokenFor(bus.db));
    const id = await publish(bus, hostile, { title: hostile, session_id: "c", channel: "repo:x" });
    await page.until(() => page.ids().includes(id));
    const events = page.messages.filter(({ event }) => event === "events");
    expect(events.at(-1)?.data.events.at(-1)).toMatchObject({ payload: hostile, title: hostile });
    expect(page.newest("sessions")[0].cwd).toBe(hostile);
    expect(new Set(page.messages.map(({ event }) => event))).not.toContain("message");
  });
});
