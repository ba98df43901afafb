import { expect, test } from "claude-code/testing";
import { Client } from "../kit/client.ts";

const TEXT = "The build is broken.";

for (const path of ["prompt", "tool"] as const) {
  const reach = (client: Client) => (path === "prompt" ? client.prompt("hello") : client.tool());

  test(`a message reaches the model at a ${path}, once, and the user sees a line`, async ($, on) => {
    const client = new Client($, on);
    await client.startWork();
    const id = client.bus.tell(TEXT);
    const text = await reach(client);
    expect(text).toMatch(/^<agent-event-bus>\n/);
    expect(text).toContain(TEXT);
    await client.clock.advance(200);
    expect(client.lines).toEqual([`web → this session: "${TEXT}" (#${id})`]);
    const bytes = new TextEncoder().encode(text).length;
    expect(client.bus.of("confirm_events")).toHaveLength(1);
    expect(client.bus.of("confirm_events")[0]).toMatchObject({ event_ids: ["1"], cursor: "1", path, bytes });
    expect(await client.tool()).toBeUndefined();
    expect(client.bus.of("confirm_events")).toHaveLength(1);
  });

  test(`without a message, the model reads nothing at a ${path}`, async ($, on) => {
    const client = new Client($, on);
    expect(await reach(client)).toBeUndefined();
    expect(client.bus.asked).toHaveLength(1);
    expect(client.lines).toEqual([]);
  });

  test(`what other hooks say at a ${path} stays`, async ($, on) => {
    const client = new Client($, on);
    client.others = { additionalContext: ["from another hook"] };
    expect(await reach(client)).toBe("from another hook");
    client.bus.tell(TEXT);
    expect(await client.tool()).toMatch(/^from another hook\n<agent-event-bus>/);
  });

  test(`what hooks beside the mod have shown at a ${path} is not shown again`, async ($, on) => {
    const client = new Client($, on);
    client.bus.tell(TEXT);
    client.whenOthersRun = () => client.bus.unread.splice(0);
    expect(await reach(client)).toBeUndefined();
    expect(client.bus.of("confirm_events")).toEqual([]);
  });

  test(`a message that cannot be confirmed at a ${path} is shown all the same`, async ($, on) => {
    const client = new Client($, on);
    client.bus.tell(TEXT);
    client.bus.fails.add("confirm_events");
    expect(await reach(client)).toContain(TEXT);
  });
}

test("a subagent's tools take nothing", async ($, on) => {
  const client = new Client($, on);
  client.bus.tell(TEXT);
  expect(await client.tool("Bash", { agent_id: "sub" })).toBeUndefined();
  expect(client.bus.asked).toEqual([]);
});

for (const others of [{ block: "not now" }, { preventContinuation: true }])
  test(`a prompt that another hook ends takes nothing: ${Object.keys(others)}`, async ($, on) => {
    const client = new Client($, on);
    client.bus.tell(TEXT);
    client.others = others;
    expect(await client.prompt("hello")).toBeUndefined();
    expect(client.bus.asked).toEqual([]);
    client.others = {};
    expect(await client.prompt("hello again")).toContain(TEXT);
  });

test("the bus's own tools are told apart, as no sign of other work", async ($, on) => {
  const client = new Client($, on);
  await client.tool("mcp__agent-event-bus__list_sessions");
  await client.tool("Bash", { tool_input: { command: "agent-event-bus inbox" } });
  await client.tool("Bash", { tool_input: { command: "make" } });
  const told = client.bus.of("collect_events", "tool").map(({ bus_tool }) => bus_tool);
  expect(told).toEqual([true, true, undefined]);
});

test("a new title of the session is told, and the new name reaches model and user", async ($, on) => {
  const client = new Client($, on);
  client.bus.more = { renamed: "payments" };
  expect(await client.prompt("hello", { session_title: "payments" })).toContain(
    'you are now called "payments"',
  );
  expect(client.bus.of("collect_events", "prompt")[0]).toMatchObject({ title: "payments" });
  expect(client.lines).toEqual(['you are now "payments"']);
});

test("a message continues the turn that stops", async ($, on) => {
  const client = new Client($, on);
  client.bus.tell(TEXT);
  expect(await client.stop()).toContain(TEXT);
  expect(client.bus.of("collect_events", "stop")[0]).toMatchObject({ last_words: "All done." });
  expect(client.bus.of("confirm_events")[0]).toMatchObject({ event_ids: ["1"], path: "stop" });
});

test("a turn that goes on because of a Stop hook is not continued again", async ($, on) => {
  const client = new Client($, on);
  client.bus.tell(TEXT);
  expect(await client.stop({ stop_hook_active: true })).toBeUndefined();
  expect(client.bus.asked).toEqual([]);
});

test("last words are not told where the user forbids it", async ($, on) => {
  const client = new Client($, on, { env: { AGENT_EVENT_BUS_LAST_WORDS: "off" } });
  await client.stop();
  expect(client.bus.of("collect_events", "stop")[0]?.last_words).toBeUndefined();
});
