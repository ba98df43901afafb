import { afterEach, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { publish } from "../support/agent.ts";
import { type BusWithDesktop, cli, cliOnTerminal, startBusWithDesktop } from "../support/cli.ts";
import { ntfyServer } from "../support/ntfy.ts";
import { eventually } from "../support/webhook.ts";

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

const read = (file: string) => (existsSync(file) ? readFileSync(file, "utf8") : "");
const toUser = (bus: BusWithDesktop, text: string) => publish(bus, text, { channel: "session:human" });
const typed = (bus: BusWithDesktop, ...words: string[]) => cliOnTerminal(["mute", ...words], { bus });

test("while notifications are muted nothing is shown or pushed, also after a restart", async () => {
  const ntfy = ntfyServer();
  ends.push(() => ntfy.stop());
  const env = { AGENT_EVENT_BUS_PUSH: ntfy.topic("mine") };
  const first = await startBusWithDesktop("binary", { env });
  expect(await typed(first, "1h")).toMatch(/Notifications are off until (\d+ \w+ )?\d\d:\d\d/);
  await toUser(first, "text-muted");
  await first.kill();
  const bus = await startBusWithDesktop("binary", { env, folder: first.folder, port: first.port });
  await toUser(bus, "text-muted-after-restart");
  expect(await typed(bus, "off")).toContain("Notifications are on.");
  await toUser(bus, "text-shown");
  await eventually("it is shown", () => read(bus.shown).includes("text-shown"));
  await ntfy.until(({ message }) => message.includes("text-shown"));
  expect(read(bus.shown) + read(first.shown) + JSON.stringify(ntfy.got)).not.toContain("text-muted");
  expect(await bus.stop()).toBe(0);
});

test.each([
  ["always", "Notifications are off until: agent-event-bus mute off"],
  ["today", "Notifications are off until"],
  ["30m", "Notifications are off until"],
  ["soon", '"soon" is not a time. Use one like 30m, 1h or 2d, or today, always or off.'],
])("mute %s", async (time, said) => {
  const bus = await startBusWithDesktop();
  expect(await typed(bus, time)).toContain(said);
  expect(await bus.stop()).toBe(0);
});

test("an agent cannot mute its user's notifications, and the user is told of the attempt", async () => {
  const bus = await startBusWithDesktop();
  const { code, stderr } = await cli(["mute", "always"], { bus, env: { CLAUDECODE: "1" } });
  expect([code, stderr]).toEqual([1, expect.stringContaining("Agents may not answer for their user.")]);
  const { code: shown, stdout } = await cli(["mute", "--json"], { bus });
  expect([shown, JSON.parse(stdout)]).toEqual([0, { muted_until: null }]);
  const { events } = await bus.call("get_events", { event_types: ["answer_refused"] });
  expect(events).toHaveLength(1);
  expect(await bus.stop()).toBe(0);
});
