// The routes for scripts, by real HTTP and the compiled bus.
import { describe, expect, test } from "bun:test";
import { startBus } from "../../support/bus.ts";
import { bearer, tokenFor } from "../../support/callers.ts";
import { hold } from "../../support/raw.ts";
import { ask } from "../../support/signed_in.ts";
import { eventually } from "../../support/webhook.ts";

const bus = await startBus("binary");
await bus.call("register_session", { name: "api", client_id: "api" });
for (let i = 1; i <= 5; i++)
  await bus.call("publish_event", {
    event_type: i % 2 ? "odd" : "even",
    payload: `text ${i}`,
    channel: "repo:r",
  });
await bus.call("publish_event", { event_type: "help_needed", payload: "which branch?", session_id: "api" });
const READS = ["needs", "sessions", "events", "webhooks", "cost"];

async function read(path: string, headers = {}) {
  const answer = await ask(bus, path, headers);
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  return { status: answer.status, value: (await answer.json()) as any };
}

describe("GET /api", () => {
  test("answers as the tools do", async () => {
    const events = await read("/api/events?order=asc&event_types=odd,even&limit=2");
    expect(events.value.events.map(({ payload }: { payload: string }) => payload)).toEqual([
      "text 1",
      "text 2",
    ]);
    expect(events.value.has_more).toBe(true);
    const next = await read(`/api/events?order=asc&event_types=odd&cursor=${events.value.next_cursor}`);
    expect(next.value.events).toHaveLength(2);
    expect((await read("/api/sessions")).value).toEqual([expect.objectContaining({ name: "api" })]);
    expect((await read("/api/needs")).value).toEqual([
      expect.objectContaining({ kind: "help", state: "open" }),
    ]);
    expect((await read("/api/needs?all")).value).toHaveLength(1);
    const none = { wakes: 0, hand_overs: 0, bytes: 0 };
    expect((await read("/api/cost")).value[0].cost).toEqual({ hour: none, day: none });
    expect((await read("/api/webhooks?active_only=false")).value).toEqual([]);
    expect((await read("/api/events?text=text%203&names=true")).value.events).toHaveLength(1);
    expect((await read("/api/events?since=1h&channel=repo:r")).value.events).toHaveLength(5);
  });

  const wrong: [query: string, says: string][] = [
    ["events?limit=many", 'limit must be a whole number, not "many".'],
    ["events?limit=-1", 'limit must be a whole number, not "-1".'],
    ["events?limit=1&limit=2", "limit is given 2 times. Give it once."],
    ["events?cursor=abc", 'cursor must be the id of an event, not "abc".'],
    ["events?names=perhaps", 'names must be true or false, not "perhaps".'],
    ["events?order=up", 'get_events: order must be one of asc, desc, not "up".'],
    ["events?session_id=api", 'There is no parameter "session_id". Known here: cursor, limit, order,'],
    ["events?resume=true", 'There is no parameter "resume".'],
    ["events?wait_seconds=3", 'There is no parameter "wait_seconds".'],
    ["events?constructor=1", 'There is no parameter "constructor".'],
    ["events?names=constructor", 'names must be true or false, not "constructor".'],
    ["sessions?cost=true", 'There is no parameter "cost". This path takes none.'],
    ["cost?cost=false", 'There is no parameter "cost". This path takes none.'],
    ["needs?need_id=0", "list_needs: need_id must be at least 1"],
  ];
  test.each(wrong)("%s is refused", async (query, says) => {
    const { status, value } = await read(`/api/${query}`);
    expect([status, value.error]).toEqual([400, expect.stringContaining(says)]);
  });

  test("says what is no time, and what is not there", async () => {
    expect((await read("/api/events?since=someday")).value.error).toBe('"someday" is not a time.');
    expect(await read("/api/needs?need_id=999")).toEqual({
      status: 409,
      value: { error: "There is no need 999.", need_id: 999 },
    });
  });

  test("takes a token of the scope read, but for webhooks, whose addresses may be secrets", async () => {
    const token = (scope: "read" | "publish") => bearer(tokenFor(bus.db, `script-${scope}`, scope));
    const [reader, publisher] = [token("read"), token("publish")];
    for (const name of READS) {
      expect([name, (await read(`/api/${name}`, reader)).status]).toEqual([
        name,
        name === "webhooks" ? 403 : 200,
      ]);
      expect([name, (await read(`/api/${name}`, publisher)).status]).toEqual([name, 403]);
      expect([name, (await read(`/api/${name}`, { via: "x" })).status]).toEqual([name, 401]);
      expect([name, (await read(`/api/${name}`, { "sec-fetch-site": "cross-site" })).status]).toEqual([
        name,
        403,
      ]);
    }
  });

  test("moves no cursor and shows no sign of life", async () => {
    const before = await bus.call("list_sessions");
    for (const name of READS) await read(`/api/${name}`);
    const after = await bus.call("list_sessions");
    expect(after.result[0]).toMatchObject({ ...before.result[0], age_seconds: expect.any(Number) });
  });
});

describe("POST /api/:operation", () => {
  test("calls every operation that the caller may call", async () => {
    const sent = await ask(bus, "/api/publish_event", {}, { event_type: "note", payload: "by script" });
    expect([sent.status, await sent.json()]).toEqual([
      200,
      expect.objectContaining({ payload: "by script" }),
    ]);
    const list = await ask(bus, "/api/list_channels", {}, {});
    expect(Array.isArray(await list.json())).toBe(true);
  });

  test("refuses by status and sentence", async () => {
    const cases: [
      path: string,
      body: unknown,
      headers: Record<string, string>,
      status: number,
      says: string,
    ][] = [
      ["/api/nothing", {}, {}, 404, "Unknown tool: nothing"],
      ["/api/constructor", {}, {}, 404, "Unknown tool: constructor"],
      ["/api/publish_event", {}, {}, 400, "event_type is required"],
      ["/api/publish_event", [], {}, 400, "the arguments must be an object"],
      ["/api/answer", { need_id: 1, words: ["x"] }, {}, 409, "Only the user may answer."],
      ["/api/list_sessions", {}, bearer(tokenFor(bus.db, "p-2", "publish")), 403, "has the scope publish"],
    ];
    for (const [path, body, headers, status, says] of cases) {
      const answer = await ask(bus, path, headers, body);
      const { error } = (await answer.json()) as { error: string };
      expect([path, answer.status, error]).toEqual([path, status, expect.stringContaining(says)]);
    }
    const broken = await fetch(new URL("/api/answer", bus.url), {
      ...{ method: "POST", headers: { "content-type": "application/json" }, body: "{" },
    });
    expect(broken.status).toBe(400);
  });
});

test("an answer that another machine does not read counts against its share, until it goes", async () => {
  const limits = { UNREAD: 40_000_000, REPLY: 64_000_000, TRAFFIC: 1_000_000_000 };
  const env = {
    AGENT_EVENT_BUS_LIMIT_UNREAD_BYTES: String(limits.UNREAD),
    AGENT_EVENT_BUS_LIMIT_REPLY_BYTES: String(limits.REPLY),
    AGENT_EVENT_BUS_LIMIT_TRAFFIC_BYTES_PER_SECOND: String(limits.TRAFFIC),
  };
  const small = await startBus("binary", { env });
  // More than the system itself keeps for a connection.
  for (let i = 0; i < 9; i++)
    await small.call("publish_event", { event_type: "note", payload: "x".repeat(1_000_000) });
  const headers = bearer(tokenFor(small.db, "slow", "read"));
  const whole = await ask(small, "/api/events", headers);
  expect([whole.status, (await whole.text()).length > 6_000_000]).toEqual([200, true]);
  const head = `GET /api/events HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: ${headers.authorization}\r\n\r\n`;
  const slow = await hold(small.port, head);
  slow.pause();
  const refused = async () => {
    const answer = await ask(small, "/api/events", headers);
    return answer.status === 503 && /limit unread_bytes/.test(await answer.text());
  };
  await eventually("the share is used up", refused);
  slow.destroy();
  await eventually("it is free again", async () => (await ask(small, "/api/events", headers)).status === 200);
});

const LINE = /^agent_event_bus_[a-z_]+(\{[a-z_]+="[^"\\\n]*"\})? (\d+(\.\d+)?(e-?\d+)?)$/;

/** The samples of an answer, whose form is checked by the rules of OpenMetrics. */
async function metrics(): Promise<Record<string, number>> {
  const answer = await ask(bus, "/metrics");
  expect([answer.status, answer.headers.get("content-type")]).toEqual([
    200,
    "application/openmetrics-text; version=1.0.0; charset=utf-8",
  ]);
  const text = await answer.text();
  expect(text).toEndWith("\n# EOF\n");
  const found: Record<string, number> = {};
  let family = ["", ""];
  for (const line of text.trimEnd().split("\n").slice(0, -1)) {
    const [, keyword, name = "", value = ""] = /^# (TYPE|UNIT|HELP) (\S+) (.+)$/.exec(line) ?? [];
    if (keyword === "TYPE") family = [name, value];
    if (keyword !== undefined) expect(name).toBe(String(family[0]));
    else {
      expect(line).toMatch(LINE);
      const [sample = "", number] = line.split(" ");
      const end = { counter: "_total", info: "_info" }[String(family[1])] ?? "";
      expect(sample.replace(/\{.*/, "")).toBe(`${family[0]}${end}`);
      expect(found).not.toHaveProperty([sample]);
      found[sample.replace("agent_event_bus_", "")] = Number(number);
    }
  }
  return found;
}

describe("GET /metrics", () => {
  test("counts what the bus does", async () => {
    const before = await metrics();
    await bus.call("publish_event", { event_type: "note", payload: "counted", channel: "session:api" });
    await bus.call("confirm_events", { client_id: "api", path: "tool", event_ids: [before.last_event_id] });
    const after = await metrics();
    const grown = (name: string) => (after[name] ?? Number.NaN) - (before[name] ?? Number.NaN);
    expect(grown("last_event_id")).toBe(1);
    expect(grown('events_published_total{level="actionable"}')).toBe(1);
    expect(after).toMatchObject({
      'needs_open{kind="help"}': 1,
      'needs_open{kind="permission"}': 0,
      storage_ok: 1,
      storage_faults_total: 0,
      waiters: 0,
    });
    expect(after.oldest_need_age_seconds).toBeGreaterThan(0);
    const waiting = bus.call("get_events", { cursor: "999999", wait_seconds: 60 }).catch(() => {});
    await eventually("a call waits", async () => (await metrics()).waiters === 1);
    await bus.call("publish_event", { event_type: "note", payload: "end" });
    void waiting;
  });

  test("counts attempts of webhooks by what came of them", async () => {
    const receiver = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
    await bus.call("register_webhook", { url: String(receiver.url), event_types: ["hooked"] });
    await bus.call("publish_event", { event_type: "hooked", payload: "x" });
    await eventually("it is delivered", async () => {
      return (await metrics())['webhook_attempts_total{state="delivered"}'] === 1;
    });
    expect(await metrics()).toMatchObject({
      webhook_deliveries_queued_total: 1,
      'webhook_deliveries{state="pending"}': 0,
    });
    await receiver.stop(true);
    await bus.call("publish_event", { event_type: "hooked", payload: "y" });
    await eventually("it is tried again later", async () => {
      return (await metrics())['webhook_attempts_total{state="pending"}'] === 1;
    });
    expect(await metrics()).toMatchObject({
      'webhook_deliveries{state="pending"}': 1,
      'webhook_deliveries{state="dead"}': 0,
    });
  });

  test("is for readers", async () => {
    expect((await ask(bus, "/metrics", bearer(tokenFor(bus.db, "monitor", "read")))).status).toBe(200);
    expect((await ask(bus, "/metrics", bearer(tokenFor(bus.db, "writer", "publish")))).status).toBe(403);
    expect((await ask(bus, "/metrics", { via: "x" })).status).toBe(401);
  });
});
