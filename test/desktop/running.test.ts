import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { type Place, placeOf } from "../../src/install/checks/facts.ts";
import { proveMessage } from "../../src/install/checks/message.ts";
import { probe } from "../../src/rpc/probe.ts";
import { fresh, join, publish } from "../support/agent.ts";
import { type BusWithDesktop, startBusWithDesktop } from "../support/cli.ts";
import { type Client, startClient } from "../support/client.ts";
import { eventually } from "../support/webhook.ts";

const read = (file: string) => (existsSync(file) ? readFileSync(file, "utf8") : "");
const textsIn = (file: string) => [...read(file).matchAll(/^text-[\w-]+$/gm)].map(([text]) => text);

/** Publishes one event of each kind, and at last calls `notify`. */
async function publishEach(bus: BusWithDesktop): Promise<Client> {
  const api = await startClient(bus, { name: fresh("api"), repo: "shop" });
  const plain = await join(bus, { name: fresh("plain") });
  const from = { session_id: api.session_id };
  const to = (session: { session_id: string }) => ({ channel: `session:${session.session_id}` });
  await publish(bus, "text-human", { ...from, channel: "session:human" });
  await publish(bus, "text-help", { ...from, event_type: "help_needed" });
  await publish(bus, "text-blocker", { ...from, event_type: "blocker_found" });
  await publish(bus, "text-error", { ...from, event_type: "error_broadcast" });
  await publish(bus, "text-ci", { event_type: "ci_failed", channel: "repo:shop" });
  await publish(bus, "text-ci-elsewhere", { event_type: "ci_failed", channel: "repo:elsewhere" });
  await publish(bus, "text-own", { ...from, ...to(api) });
  await publish(bus, "text-info", from);
  await publish(bus, "text-lifecycle", { ...from, event_type: "task_started" });
  await publish(bus, "text-actionable", { ...from, signal_level: "actionable" });
  await publish(bus, "text-hooks", { session_id: plain.session_id, ...to(api) });
  await publish(bus, "text-no-hooks", { ...from, ...to(plain) });
  await bus.call("notify", { title: "t", message: "text-explicit" });
  return api;
}

const NEEDS = ["text-blocker", "text-ci", "text-error", "text-explicit", "text-help", "text-human"];
const NEEDS_ME = [...NEEDS, "text-no-hooks"];
const DIRECT = [...NEEDS_ME, "text-hooks"];

test.each<[string, string[]]>([
  ["", NEEDS_ME],
  ["direct", DIRECT],
  ["all", [...DIRECT, "text-actionable", "text-ci-elsewhere"]],
  ["off", ["text-explicit"]],
])("with the setting %p the user is shown %p at once", async (setting, expected) => {
  const bus = await startBusWithDesktop("binary", { env: { AGENT_EVENT_BUS_NOTIFY: setting } });
  await publishEach(bus);
  await eventually("all are shown", () => textsIn(bus.shown).length >= expected.length);
  // Time for what must not be shown.
  await Bun.sleep(1_500);
  expect(textsIn(bus.shown).sort()).toEqual([...expected].sort());
  expect(await bus.stop()).toBe(0);
});

test("a setting that there is not is refused", async () => {
  const started = startBusWithDesktop("binary", { env: { AGENT_EVENT_BUS_NOTIFY: "mentions" } });
  expect(await started.catch((error) => error.message)).toContain(
    'AGENT_EVENT_BUS_NOTIFY must be one of needs-me, direct, all, off, not "mentions"',
  );
});

test("after a kill -9 the user learns of a message that a session with hooks has not seen, and it is withdrawn", async () => {
  const first = await startBusWithDesktop();
  const api = await startClient(first, { name: "api" });
  const channel = `session:${api.session_id}`;
  const seen = await publish(first, "text-seen", { channel });
  await first.call("collect_events", { client_id: api.client_id, path: "tool", limit: 20 });
  await first.call("confirm_events", { client_id: api.client_id, event_ids: [String(seen)] });
  const began = Date.now();
  await publish(first, "text-unseen", { channel });
  await first.kill();
  const bus = await startBusWithDesktop("binary", { folder: first.folder, port: first.port });
  await eventually("it is shown", () => textsIn(bus.shown).length > 0);
  expect(Date.now() - began).toBeGreaterThanOrEqual(15_000);
  expect(textsIn(bus.shown)).toEqual(["text-unseen"]);
  expect(read(bus.shown)).toContain("not seen yet");
  const id = read(bus.shown).match(/x-dunst-stack-tag:\w{16}/)?.[0];
  expect(id).toBeDefined();
  const taken = await bus.call("collect_events", { client_id: api.client_id, path: "tool", limit: 20 });
  const event_ids = taken.events.map((event: { id: number }) => String(event.id));
  await bus.call("confirm_events", { client_id: api.client_id, event_ids });
  await eventually("it is withdrawn", () => /uint32:\d+/.test(read(bus.closed)));
  expect([...textsIn(first.shown), ...textsIn(bus.shown)]).toEqual(["text-unseen"]);
  // The timers of the bus do not hold it.
  expect(await bus.stop()).toBe(0);
}, 90_000);

test("a storm of a hundred calls for help shows few notifications, and the last one says how many there are", async () => {
  const bus = await startBusWithDesktop();
  const { session_id } = await join(bus, { name: "loud" });
  for (let i = 0; i < 100; i++) await publish(bus, `number ${i}.`, { session_id, event_type: "help_needed" });
  await eventually("the last one", () => read(bus.shown).includes("(and 99 more) number 99."));
  expect([...read(bus.shown).matchAll(/number \d+\./g)].length).toBeLessThanOrEqual(6);
  await bus.stop();
});

test("doctor's own message shows nothing", async () => {
  const bus = await startBusWithDesktop("binary", { env: { AGENT_EVENT_BUS_NOTIFY: "all" } });
  const place = placeOf();
  const looks = { probe: () => probe(bus.url, undefined), kept: () => undefined };
  const at: Place = { ...place, role: "server", url: bus.url, command: "aeb", ...looks };
  expect((await proveMessage(at)).finding).toMatchObject({ state: "ok" });
  await bus.call("notify", { title: "t", message: "text-explicit" });
  await Bun.sleep(500);
  expect(textsIn(bus.shown)).toEqual(["text-explicit"]);
  expect(read(bus.shown)).not.toContain("doctor");
  await bus.stop();
});
