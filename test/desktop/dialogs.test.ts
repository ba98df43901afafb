import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { startBusWithDesktop } from "../support/cli.ts";
import { startClient } from "../support/client.ts";
import { eventually } from "../support/webhook.ts";

const read = (file: string) => (existsSync(file) ? readFileSync(file, "utf8") : "");

/** A bus with a desktop, and a session that stands at dialogs. */
async function start(setting = "needs-me") {
  const bus = await startBusWithDesktop("binary", { env: { AGENT_EVENT_BUS_NOTIFY: setting } });
  const client = await startClient(bus);
  const stand = (text: string, more: object = {}) =>
    bus.call("report_dialog", {
      ...{ client_id: client.client_id, kind: "question", text, open_ms: 0, certain: true, wait_seconds: 60 },
      ...more,
    });
  return { bus, client, stand };
}

test("a dialog that nobody answers is shown after 10 s, once, and withdrawn when it is gone", async () => {
  const { bus, client, stand } = await start();
  const asked = stand("which-database", { open_ms: 9_000 });
  await Bun.sleep(200);
  expect(read(bus.shown)).toBe("");
  await eventually("it is shown", () => read(bus.shown).includes("which-database"));
  expect(read(bus.shown)).toContain(`${client.name} is waiting for you`);
  expect(read(bus.closed)).toBe("");
  await client.hook("tool");
  expect(await asked).toMatchObject({ over: true });
  await eventually("it is withdrawn", () => /uint32:\d+/.test(read(bus.closed)));
  expect(read(bus.shown).split("which-database")).toHaveLength(2);
  expect(await bus.stop()).toBe(0);
});

test("a hook that tells again of the same dialog changes nothing", async () => {
  const { bus, client, stand } = await start();
  const since = Date.now() - 20_000;
  const again = () => stand("which-port", { open_ms: Date.now() - since, wait_seconds: 1 });
  for (let i = 0; i < 3; i++) expect(await again()).toMatchObject({ over: false });
  await client.hook("tool");
  expect(read(bus.shown).split("which-port")).toHaveLength(2);
  expect(read(bus.closed)).toBe("");
  expect(await bus.stop()).toBe(0);
});

test.each([
  ["is answered before", "needs-me", { open_ms: 8_500 }],
  ["may be over already", "needs-me", { open_ms: 60_000, certain: false }],
  ["stands while the setting is off", "off", { open_ms: 60_000 }],
])("a dialog that %s is not shown", async (_, setting, more) => {
  const { bus, client, stand } = await start(setting);
  const asked = stand("nothing-to-see", more);
  await eventually("it is known", async () =>
    String((await bus.call("list_sessions")).result[0].state).startsWith("waiting"),
  );
  if (more.open_ms < 10_000) await client.hook("tool");
  await Bun.sleep(2_500);
  expect(read(bus.shown)).toBe("");
  await client.hook("tool");
  await asked;
  expect(await bus.stop()).toBe(0);
});
