import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join, problem } from "../../support/agent.ts";
import { startHere } from "../../support/bus.ts";
import { startBusWithDesktop } from "../../support/cli.ts";
import { rpc } from "../../support/rpc.ts";
import { eventually } from "../../support/webhook.ts";

const bus = await startHere();
for (let i = 0; i < 1_010; i++) await bus.call("publish_event", { event_type: "t", payload: "grün" });
const { webhook_id } = await bus.call("register_webhook", { url: "https://example.com/" });

describe("what clients of the original send is understood:", () => {
  const limits: [limit: unknown, count: number][] = [
    [7, 7],
    ["7", 7],
    ["0", 0],
    [1_001, 1_000],
    ["1001", 1_000],
    [2 ** 53, 1_000],
    ["99999999999999999999", 1_000],
  ];
  test.each(limits)("limit %j returns %i events", async (limit, count) => {
    expect((await bus.call("get_events", { limit })).events).toHaveLength(count);
  });

  const numbers: [tool: string, args: object][] = [
    ["get_events", { wait_seconds: "0" }],
    ["set_webhook_active", { webhook_id: String(webhook_id), active: true }],
    ["list_deliveries", { limit: "5000" }],
  ];
  test.each(numbers)("%s takes %j", async (tool, args) => {
    expect(await bus.call(tool, args)).not.toHaveProperty("error");
  });

  test.each(["7.5", "seven", "", " 7", "0x7", "-1"])("limit %j is refused by name", async (limit) => {
    expect(await problem(bus, "get_events", { limit })).toStartWith("get_events: limit must be ");
  });
});

test("an event stream names its charset, and asks proxies not to collect it", async () => {
  const params = { name: "get_events", arguments: { limit: 1 } };
  const { headers, text } = await rpc(bus.url, { jsonrpc: "2.0", id: 1, method: "tools/call", params });
  expect(headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
  expect(headers.get("x-accel-buffering")).toBe("no");
  expect(text).toContain("grün");
});

test("a direct message of an unknown sender is shown as anonymous, with 50 characters of it", async () => {
  const desktop = await startBusWithDesktop();
  const { session_id } = await join(desktop);
  const payload = `${"🦕".repeat(50)}more`;
  await desktop.call("publish_event", {
    ...{ event_type: "n", payload, channel: `session:${session_id}`, session_id: "gone-long-ago" },
  });
  const shown = () => (existsSync(desktop.shown) ? readFileSync(desktop.shown, "utf8") : "");
  await eventually("it is shown", () => shown().includes("🦕"));
  expect(shown()).toContain("From: anonymous");
  expect(shown()).toContain(`${"🦕".repeat(50)}…`);
  expect(shown()).not.toContain("more");
});
