import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { addSource, github, send, workflowRun } from "../../support/arrivals.ts";
import { startHere } from "../../support/bus.ts";
import { openStream, tokenFor } from "../../support/stream.ts";

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

/** A bus whose clock goes on by `pass`, and a page. */
async function started() {
  const began = Date.now();
  let passed = 0;
  const bus = await startHere({ now: () => Date.now() + passed });
  const page = await openStream(bus, tokenFor(bus.db, "page", 100 * DAY));
  const publish = async (payload: string, more = {}): Promise<number> =>
    (await bus.call("publish_event", { event_type: "note", payload, ...more })).event_id;
  await page.until(() => page.newest("trouble") !== undefined);
  return {
    bus,
    page,
    publish,
    pass(ms: number) {
      passed = ms + began - Date.now();
      return publish("time passed");
    },
    // biome-ignore lint/suspicious/noExplicitAny: rows of every shape
    rows: (): any[] => page.newest("trouble"),
    join: (client_id: string) => bus.call("register_session", { name: client_id, client_id, cwd: "/x" }),
  };
}

test("messages that nobody takes, each with why, until they are seen or a day is over", async () => {
  const { bus, page, publish, pass, rows, join } = await started();
  for (const id of ["api", "docs", "gone"]) await join(id);
  const toDocs = await publish("hello", { session_id: "api", channel: "session:docs" });
  const toGone = await publish("hello", { session_id: "api", channel: "session:gone" });
  const toName = await publish("hello", { channel: "session:@lead" });
  await publish("hello", { session_id: "api", channel: "@human" });
  await bus.call("unregister_session", { session_id: "gone" });
  expect(rows()).toEqual([]);
  await pass(2 * MINUTE);
  await page.until(() => rows().length === 3);
  const since = expect.any(String);
  expect(rows()).toEqual([
    ...[{ kind: "undelivered", event_id: toName, from: "anonymous", to: "@lead", since }].map((row) => ({
      ...row,
      why: "waits for a session that claims @lead",
    })),
    { kind: "undelivered", event_id: toGone, from: "api", to: "gone", since, why: "gone is not here" },
    { kind: "undelivered", event_id: toDocs, from: "api", to: "docs", since, why: "docs has no hooks" },
  ]);
  await bus.call("get_events", { session_id: "docs", resume: true, order: "asc" });
  await page.until(() => rows().length === 2);
  await pass(DAY + MINUTE);
  await page.until(() => rows().length === 0);
  page.close();
});

test("a busy session that is silent while messages wait", async () => {
  const { bus, page, publish, pass, rows, join } = await started();
  await join("web");
  await bus.call("collect_events", { client_id: "web", path: "tool" });
  await publish("hello", { channel: "session:web" });
  await pass(9 * MINUTE);
  await page.until(() => page.newest("sessions")[0]?.unread === 1);
  expect(rows()).toEqual([]);
  await pass(11 * MINUTE);
  await page.until(() => rows().length === 1);
  expect(rows()).toMatchObject([
    { kind: "session", session_id: "web", name: "web", why: "busy and silent, 1 unread" },
  ]);
  await bus.call("collect_events", { client_id: "web", path: "tool" });
  await page.until(() => rows().length === 0);
  page.close();
});

test("a webhook that fails, and one that the bus paused, but none that works or that you paused", async () => {
  const { bus, page, publish, rows } = await started();
  let status = 503;
  const receiver = Bun.serve({ port: 0, fetch: () => new Response("", { status }) });
  const register = async (path: string) =>
    (await bus.call("register_webhook", { url: `${receiver.url}${path}` })).webhook_id;
  const failing = await register("failing");
  const paused = await register("paused");
  await bus.call("set_webhook_active", { webhook_id: paused, active: false });
  await publish("hello");
  await page.until(() => rows().length === 1 && rows()[0].next_at !== null);
  expect(rows()[0]).toMatchObject({
    ...{ kind: "webhook", webhook_id: failing, host: receiver.url.host, status: 503, why: "HTTP 503" },
    ...{ pending: 1, dead: 0, paused: false, since: expect.any(String), next_at: expect.any(String) },
  });
  status = 410;
  await bus.call("redeliver_webhook", { webhook_id: failing, event_id: 1 });
  await page.until(() => rows()[0]?.paused === true);
  expect(rows()).toMatchObject([{ status: 410, next_at: null }]);
  await bus.call("unregister_webhook", { webhook_id: failing });
  await page.until(() => rows().length === 0);
  receiver.stop();
  page.close();
});

test("a source that is refused, until it gets through or a day is over", async () => {
  const { bus, page, publish, rows, pass } = await started();
  const secret = await addSource(bus, { kind: "github", name: "ci" });
  const by = (key: string) =>
    send(bus, "ci", github(key, "workflow_run", workflowRun({ id: Math.random() })));
  await send(bus, "nobody", github("wrong", "workflow_run", workflowRun()));
  await by("wrong");
  await by("wrong");
  await publish("hello");
  await page.until(() => rows().length === 1);
  const row = { kind: "source", name: "ci", refused: 2, since: expect.any(String) };
  expect(rows()).toEqual([{ ...row, why: "its signature is wrong" }]);
  await pass(MINUTE);
  await by(secret);
  await page.until(() => rows().length === 0);
  await pass(2 * MINUTE);
  await by("wrong");
  await publish("hello");
  await page.until(() => rows().length === 1);
  await pass(DAY + 3 * MINUTE);
  await page.until(() => rows().length === 0);
  page.close();
});

test("a token that will expire within a week", async () => {
  const { bus, page, publish, rows, pass } = await started();
  tokenFor(bus.db, "soon", 8 * DAY);
  await publish("hello");
  expect(rows()).toEqual([]);
  await pass(2 * DAY);
  await page.until(() => rows().length === 1);
  expect(rows()).toEqual([{ kind: "token", name: "soon", expires_at: expect.any(String) }]);
  await pass(9 * DAY);
  await page.until(() => rows().length === 0);
  page.close();
});

test("a database that takes no writes", async () => {
  const { bus, page, publish, rows } = await started();
  const other = new Database(bus.db);
  other.run("PRAGMA busy_timeout = 5000");
  other.run("BEGIN IMMEDIATE");
  const waiting = publish("hello");
  await page.until(() => rows().length === 1);
  expect(rows()).toEqual([
    {
      ...{ kind: "storage", problem: "storage_busy", since: expect.any(String) },
      why: expect.stringContaining("is locked by another process"),
    },
  ]);
  expect(page.newest("health")).toMatchObject({ state: "storage", detail: rows()[0].why });
  other.run("ROLLBACK");
  other.close();
  await waiting;
  await page.until(() => rows().length === 0 && page.newest("health").state === "running");
  page.close();
});
