import { expect } from "bun:test";
import { operations } from "../../src/operations/index.ts";
import { startBus } from "../support/bus.ts";
import { tempFolder } from "../support/folder.ts";
import { answersOf, converse, newClient, TIMEOUT_MS, testWithClaude } from "./converse.ts";
import type { CallTool, Shown } from "./model.ts";

testWithClaude(
  "claude mcp list says that the bus is connected",
  async () => {
    const bus = await startBus("binary");
    const client = newClient();
    await client.add(bus.url);
    expect(await client.run("mcp", "list")).toContain(`agent-event-bus: ${bus.url} (HTTP) - ✔ Connected`);
  },
  TIMEOUT_MS,
);

testWithClaude(
  "the model reads the instructions and the guide, calls every tool and is shown each answer",
  async () => {
    const bus = await startBus("binary", { env: { AGENT_EVENT_BUS_TOOLS: "all" } });
    const called = new Set<string>();
    const model = await converse(bus.url, async (call) => {
      const ask = answersOf((tool, input) => {
        called.add(tool.replace("mcp__agent-event-bus__", ""));
        return call(tool, input);
      });
      await script(call, ask);
    });
    expect(model.briefing).toContain("register_session once");
    const listed = operations.filter(({ listed }) => listed !== false);
    expect([...called].sort()).toEqual(listed.map(({ name }) => name).sort());
  },
  TIMEOUT_MS,
);

async function script(call: CallTool, ask: ReturnType<typeof answersOf>): Promise<void> {
  const guide = await call("ReadMcpResourceTool", {
    server: "agent-event-bus",
    uri: "agent-event-bus://guide",
  });
  expect(guide.text).toContain("Event bus guide");

  const me = await ask("register_session", { name: "api", client_id: "first", cwd: "/home/me/api" });
  expect(me).toMatchObject({ session_id: "first", name: "api", repo: "api", resumed: false });
  const other = await ask("register_session", { name: "web", client_id: "second", cwd: "/home/me/web" });
  const { result: sessions } = await ask("list_sessions");
  expect(await ask("list_needs")).toEqual({ result: [] });
  expect(sessions.map(({ name }: { name: string }) => name).sort()).toEqual(["api", "web"]);
  const { result: channels } = await ask("list_channels");
  expect(channels).toContainEqual({ channel: "repo:web", subscribers: 1 });

  const { event_id, ...published } = await ask("publish_event", {
    event_type: "question",
    payload: "Is the API frozen? ✅",
    channel: "session:api",
    session_id: other.session_id,
    tags: ["api"],
  });
  expect(published).toMatchObject({ channel: "session:first", signal_level: "actionable" });
  const news = await ask("get_events", { session_id: "first", resume: true, order: "asc", wait_seconds: 1 });
  expect(news.events.at(-1)).toMatchObject({ id: event_id, payload: "Is the API frozen? ✅", tags: ["api"] });
  await scriptAnswers(ask, event_id);
  const acked = await ask("ack_events", { session_id: "second", cursor: news.next_cursor });
  expect(acked).toMatchObject({ success: true, cursor: String(event_id) });
  const wrong = await call("mcp__agent-event-bus__get_events", { limit: "seven" });
  expect(wrong.isError).toBe(true);
  expect(wrong.text).toContain("limit must be a whole number");

  expect(await ask("notify", { title: "Tests", message: "Done" })).toMatchObject({ title: "Tests" });

  const hook = await ask("register_webhook", { url: "http://127.0.0.1:9/", event_types: ["never"] });
  const off = { webhook_id: hook.webhook_id, active: false };
  expect(await ask("set_webhook_active", off)).toEqual({ success: true, ...off });
  const { result: hooks } = await ask("list_webhooks", { active_only: false });
  expect(hooks).toMatchObject([{ ...off, has_secret: false }]);
  const secret = await ask("rotate_webhook_secret", { webhook_id: hook.webhook_id });
  expect(secret.secret).toStartWith("whsec_");
  expect((await ask("test_webhook", { webhook_id: hook.webhook_id })).delivered).toBe(false);
  expect((await ask("list_deliveries", { webhook_id: hook.webhook_id })).result).toEqual([]);
  const again = await ask("redeliver_webhook", { webhook_id: hook.webhook_id, event_id });
  expect(again).toMatchObject({ success: true, queued: 1 });
  expect(await ask("unregister_webhook", { webhook_id: hook.webhook_id })).toMatchObject({ success: true });
  const left = await ask("unregister_session", { session_id: "second" });
  expect(left).toMatchObject({ success: true, active_sessions: 1 });
}

/** What two sessions do about a question of the second to the first. */
async function scriptAnswers(ask: ReturnType<typeof answersOf>, question: number): Promise<void> {
  const reply = await ask("reply", { event_id: question, payload: "It is.", session_id: "first" });
  expect(reply).toMatchObject({ answers: question, channel: "session:second" });
  const delivery = await ask("get_delivery", { event_id: question });
  expect(delivery.deliveries).toMatchObject([{ recipient: "first", state: "acked" }]);
  const asked = await ask("ask", { to: "web", payload: "Sure?", session_id: "first", wait_seconds: 0 });
  expect(asked).toMatchObject({ answered: false, channel: "session:second" });
}

testWithClaude(
  "a session goes on after the bus was killed and started again",
  async () => {
    const folder = tempFolder();
    const first = await startBus("binary", { folder });
    await converse(first.url, async (call) => {
      const ask = answersOf(call);
      await ask("register_session", { name: "api", client_id: "steady" });
      await first.kill();
      const second = await startBus("binary", { folder, port: first.port });
      await second.call("publish_event", { event_type: "news", payload: "back again" });
      const news = await ask("get_events", { session_id: "steady", resume: true, order: "asc" });
      expect(news.events.map(({ payload }: { payload: string }) => payload)).toEqual(["back again"]);

      await second.kill();
      for (let i = 0; i < 3; i++) expect((await listSessions(call)).isError).toBe(true);
      await startBus("binary", { folder, port: first.port });
      expect(await recovered(call)).toBe(true);
    });
  },
  TIMEOUT_MS,
);

function listSessions(call: CallTool): Promise<Shown> {
  return call("mcp__agent-event-bus__list_sessions");
}

// After calls that found no bus the client takes a second or so to look for it again.
async function recovered(call: CallTool): Promise<boolean> {
  for (let tries = 0; tries < 30; tries++) {
    if (!(await listSessions(call)).isError) return true;
    await Bun.sleep(500);
  }
  return false;
}
