import { describe, expect, test } from "bun:test";
import { processStart } from "../../../src/lib/process.ts";
import { hookOperations } from "../../../src/operations/hooks/index.ts";
import { operations } from "../../../src/operations/index.ts";
import { fresh } from "../../support/agent.ts";
import { startHere } from "../../support/bus.ts";
import { cli } from "../../support/cli.ts";
import { eventually } from "../../support/webhook.ts";

const bus = await startHere({ operations: [...operations, ...hookOperations] });

/** A registered session of a client; this process stands for the client. */
async function started() {
  const client_id = fresh("client");
  const pid = { pid: process.pid, pid_started: processStart(process.pid) };
  const begin = () =>
    bus.call("start_session", {
      client_id,
      name: client_id,
      cwd: "/home/me/folder",
      repo: client_id,
      ...pid,
    });
  await begin();
  const identity = { client_id, pid: process.pid };
  // biome-ignore lint/suspicious/noExplicitAny: tests look into it
  const listed = async (): Promise<any> =>
    (await bus.call("list_sessions")).result.find(
      (one: { client_id: string }) => one.client_id === client_id,
    );
  const report = (more: object = {}) => ({
    ...identity,
    ...{ kind: "permission", text: "Write: /tmp/x", open_ms: 0, certain: true, wait_seconds: 60 },
    ...more,
  });
  /** Starts to report a dialog, and waits until the session is said to stand there. */
  const stand = async (more: object = {}) => {
    const told = bus.call("report_dialog", report(more));
    const text = report(more).text;
    await eventually("it is known", async () => (await listed())?.waiting_for?.text === text, 30_000);
    return { told };
  };
  const collect = (path: string, more: object = {}) =>
    bus.call("collect_events", { ...identity, path, ...more });
  return { client_id, begin, listed, report, stand, collect };
}

test("a session at a dialog waits for its user: since when, and for what", async () => {
  const { client_id, listed, stand, collect } = await started();
  const { told } = await stand({ open_ms: 90_000 });
  const session = await listed();
  expect(session).toMatchObject({
    state: "waiting",
    reach: "waiting_for_person",
    waiting_for: { kind: "permission", text: "Write: /tmp/x" },
  });
  expect(Math.abs(Date.now() - 90_000 - Date.parse(session.waiting_since))).toBeLessThan(30_000);
  const message = { event_type: "question", payload: "?", channel: `session:${client_id}` };
  expect(await bus.call("publish_event", message)).toMatchObject({ reach: "waiting_for_person" });
  const { stdout } = await cli(["sessions"], { bus });
  expect(stdout).toMatch(/waiting for you \(1 min\)/);
  const { events } = await collect("tool");
  expect(await told).toMatchObject({ over: true });
  // The later tests go on with this process, whose hooks would be given the message again.
  const event_ids = events.map(({ id }: { id: number }) => String(id));
  await bus.call("confirm_events", { client_id, pid: process.pid, event_ids });
});

describe("it ends", () => {
  test.each(["prompt", "tool", "stop"])("with the session's next sign of life: %s", async (path) => {
    const { listed, stand, collect } = await started();
    const { told } = await stand();
    await collect(path);
    expect(await told).toMatchObject({ over: true });
    const session = await listed();
    expect(session.state).toBe(path === "stop" ? "idle" : "busy");
    for (const key of ["waiting_since", "waiting_for"]) expect(session).not.toHaveProperty(key);
  });

  test("with the start of another session of the client", async () => {
    const { begin, listed, stand } = await started();
    const { told } = await stand();
    await begin();
    expect(await told).toMatchObject({ over: true });
    expect((await listed()).state).toBe("busy");
  });

  test("with the hook that reported it", async () => {
    const { listed, report } = await started();
    const gone = new AbortController();
    const body = { jsonrpc: "2.0", id: 1, method: "tools/call" };
    const call = fetch(bus.url, {
      method: "POST",
      headers: { "content-type": "application/json", accept: "application/json, text/event-stream" },
      body: JSON.stringify({ ...body, params: { name: "report_dialog", arguments: report() } }),
      signal: gone.signal,
    }).catch(() => {});
    await eventually("it waits", async () => (await listed()).state === "waiting", 30_000);
    gone.abort();
    await call;
    await eventually("it waits no more", async () => (await listed()).state === "busy", 30_000);
  });

  test("with the time that the hook waits", async () => {
    const { listed, report } = await started();
    expect(await bus.call("report_dialog", report({ wait_seconds: 0 }))).toMatchObject({ over: false });
    expect((await listed()).state).toBe("busy");
  });
});

test("a waiter that asks again is no sign of life", async () => {
  const { listed, stand, collect } = await started();
  const { told } = await stand();
  await collect("wake", { wait_seconds: 0, running_ms: 0 });
  expect((await listed()).state).toBe("waiting");
  await collect("prompt");
  await told;
});

test("without a sure sign the session may be at work again, and a message comes with its next tool use", async () => {
  const { listed, stand, collect } = await started();
  const { told } = await stand({ certain: false });
  expect(await listed()).toMatchObject({ state: "waiting_or_running", reach: "next_tool" });
  expect((await cli(["sessions"], { bus })).stdout).toContain("waiting or running (");
  await collect("tool");
  expect(await told).toMatchObject({ over: true });
});

test("of several dialogs the newest is told, then the other one", async () => {
  const { listed, stand, collect } = await started();
  const older = await stand({ text: "older", open_ms: 60_000 });
  await stand({ text: "newer", wait_seconds: 1 });
  await eventually("the older one", async () => (await listed()).waiting_for.text === "older", 30_000);
  await collect("prompt");
  expect(await older.told).toMatchObject({ over: true });
});

test("a notification of a dialog that is known adds nothing", async () => {
  const { stand, report, collect } = await started();
  const { told } = await stand();
  const notified = report({ text: "Claude needs your permission", unless_known: true });
  expect(await bus.call("report_dialog", notified)).toMatchObject({ known: true });
  await collect("prompt");
  await told;
});

test("its text is one line that can do no harm", async () => {
  const { listed, report, collect } = await started();
  const told = bus.call("report_dialog", report({ text: `a\n\u001b[31mb${"x".repeat(500)}` }));
  await eventually("it waits", async () => (await listed()).state === "waiting", 30_000);
  const { text } = (await listed()).waiting_for;
  expect(text).toStartWith("a⏎␛[31mbxxx");
  expect(text.length).toBeLessThanOrEqual(120);
  await collect("prompt");
  await told;
});

test("a session that the bus does not know has to be registered first", async () => {
  const { report } = await started();
  expect(await bus.call("report_dialog", report({ client_id: "nobody" }))).toEqual({ unknown: true });
});
