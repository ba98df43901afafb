import { expect, test } from "claude-code/testing";
import { Client, FOLDER } from "../kit/client.ts";

const OURS = "mcp__agent-event-bus__";

const CALLS: readonly [tool: string, given: object, gets: object][] = [
  [`${OURS}publish_event`, { payload: "x" }, { payload: "x", session_id: "bus-s1" }],
  ["mcp__plugin_agent-event-bus_bus__reply", { event_id: 1 }, { event_id: 1, session_id: "bus-s1" }],
  [`${OURS}publish_event`, { payload: "x", session_id: "mine" }, { payload: "x", session_id: "mine" }],
  [`${OURS}get_events`, { channel: "all" }, { channel: "all" }],
  [`${OURS}get_events`, { resume: true }, { resume: true, session_id: "bus-s1" }],
  [`${OURS}list_sessions`, {}, {}],
  [`${OURS}register_session`, { name: "n" }, { name: "n", client_id: "s1", cwd: FOLDER }],
  [`${OURS}register_session`, { name: "n", client_id: "other" }, { name: "n", client_id: "other" }],
  ["mcp__other__publish_event", { payload: "x" }, { payload: "x" }],
  ["Bash", { command: "agent-event-bus publish x" }, { command: "agent-event-bus publish x" }],
];
for (const [tool, given, gets] of CALLS)
  test(`${tool} ${JSON.stringify(given)} gets ${JSON.stringify(gets)}`, async ($, on) => {
    expect(await new Client($, on).call(tool, given)).toEqual(gets);
  });

test("without a bus, its tools are called by the client's id", async ($, on) => {
  const client = new Client($, on);
  client.bus.trouble = "away";
  expect(await client.call(`${OURS}publish_event`, { payload: "x" })).toEqual({
    payload: "x",
    session_id: "s1",
  });
});
