import { expect, test } from "bun:test";
import { operations } from "../../../src/operations/index.ts";
import { startHere } from "../../support/bus.ts";
import { rpc } from "../../support/rpc.ts";

const MORE = ["list_needs", "rotate_webhook_secret", "test_webhook", "list_deliveries", "redeliver_webhook"];

async function toolsWith(setting: string): Promise<string[]> {
  const bus = await startHere({ env: { AGENT_EVENT_BUS_TOOLS: setting } });
  const { message } = await rpc(bus.url, { jsonrpc: "2.0", id: 1, method: "tools/list" });
  return message.result.tools.map(({ name }: { name: string }) => name);
}

test("AGENT_EVENT_BUS_TOOLS=all lists the upkeep of webhooks too, and never what only our own programs call", async () => {
  const [core, all] = [await toolsWith("core"), await toolsWith("ALL")];
  expect(all.filter((name) => !core.includes(name))).toEqual(MORE);
  expect(all).toEqual(operations.filter(({ listed }) => listed !== false).map(({ name }) => name));
});

test("a tool that is not listed can still be called", async () => {
  const bus = await startHere();
  expect((await bus.call("list_deliveries")).result).toEqual([]);
  expect((await bus.call("test_webhook", { webhook_id: 7 })).error).toBe("Webhook 7 not found");
});

test("another value is refused by a sentence that names the choices", async () => {
  await expect(startHere({ env: { AGENT_EVENT_BUS_TOOLS: "few" } })).rejects.toThrow(
    'AGENT_EVENT_BUS_TOOLS must be one of core, all, not "few".',
  );
});
