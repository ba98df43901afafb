import { expect, test } from "bun:test";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { notifications, sources, webhooks } from "../../src/install/checks/deliveries.ts";
import { type Place, placeOf } from "../../src/install/checks/facts.ts";
import { probe } from "../../src/rpc/probe.ts";
import { addSource, github, send, workflowRun } from "../support/arrivals.ts";
import { startHere, type TestBus } from "../support/bus.ts";
import { tempFolder } from "../support/folder.ts";
import { eventually } from "../support/webhook.ts";

/** The machine of a bus. */
function placeAt({ url }: TestBus, env: Record<string, string> = {}): Place {
  const place = placeOf();
  const looks = { probe: () => probe(url, undefined), kept: () => undefined };
  return { ...place, role: "server", url, command: "aeb", ...looks, config: { ...place.config, env } };
}

/** A receiver that answers with this status. */
function receiver(status: () => number) {
  return Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("", { status: status() }) });
}

test("a webhook that fails every attempt is a problem until one gets through", async () => {
  let status = 500;
  const there = receiver(() => status);
  const bus = await startHere();
  const place = placeAt(bus);
  const look = async () => (await webhooks.look(place)) as unknown[];
  expect(await look()).toEqual([]);
  const { webhook_id } = await bus.call("register_webhook", { url: `http://127.0.0.1:${there.port}/hook` });
  expect(await look()).toEqual([]);
  await bus.call("publish_event", { event_type: "n", payload: "x" });
  await eventually("a failed attempt", async () => (await look()).length === 1);
  expect(await look()).toEqual([
    {
      ...{ what: "webhooks", state: "bad", repair: `aeb webhook deliveries ${webhook_id}` },
      found: expect.stringMatching(/^webhook 1 to 127\.0\.0\.1 has been failing from the start: .*500/),
    },
  ]);
  await bus.call("set_webhook_active", { webhook_id, active: false });
  expect(await look()).toEqual([]);
  await bus.call("set_webhook_active", { webhook_id, active: true });
  status = 204;
  await bus.call("test_webhook", { webhook_id });
  await bus.call("publish_event", { event_type: "n", payload: "y" });
  await bus.call("redeliver_webhook", { webhook_id, event_id: 1 });
  await eventually("it got through", async () => (await look()).length === 0);
  there.stop(true);
});

test("each source is shown, with why it is refused until it gets through", async () => {
  const bus = await startHere();
  const place = placeAt(bus);
  const look = async () => (await sources.look(place)) as unknown[];
  expect(await look()).toEqual([]);
  const secret = await addSource(bus, { kind: "github", name: "ci" });
  const what = "sources";
  expect(await look()).toEqual([{ what, state: "ok", found: "ci: no event of it yet" }]);
  await send(bus, "ci", github("wrong", "workflow_run", workflowRun()));
  const refused = /^ci: 1 refused, the last at \S+, because its signature is wrong \(no event of it yet\)$/;
  expect(await look()).toEqual([{ what, state: "note", found: expect.stringMatching(refused) }]);
  await send(bus, "ci", github(secret, "workflow_run", workflowRun()));
  expect(await look()).toEqual([
    { what, state: "ok", found: expect.stringMatching(/^ci: last event at \S+$/) },
  ]);
});

/** The bus's environment with a desktop, and with a notify-send that ends so. */
function desktop(code: number): Record<string, string> {
  const folder = tempFolder();
  writeFileSync(join(folder, "notify-send"), `#!/bin/sh\necho "$@" >> ${folder}/shown\nexit ${code}\n`, {
    mode: 0o755,
  });
  return { PATH: folder, DISPLAY: ":0" };
}

test.skipIf(process.platform !== "linux").each([
  [0, "ok", "the bus showed one"],
  [1, "bad", "the bus could not show one on this desktop"],
] as const)("a notification is tried on a desktop: its program ends with %p", async (code, state, found) => {
  const bus = await startHere({ env: desktop(code) });
  expect(await notifications.look(placeAt(bus, { DISPLAY: ":0" }))).toMatchObject({
    state,
    found: expect.stringContaining(found),
  });
});

test.skipIf(process.platform !== "linux")(
  "without a desktop, or for the bus of another machine, no notification is tried",
  async () => {
    const env = desktop(0);
    const bus = await startHere({ env });
    expect(await notifications.look(placeAt(bus))).toBeUndefined();
    const elsewhere: Place = { ...placeAt(bus, { DISPLAY: ":0" }), role: "client" };
    expect(await notifications.look(elsewhere)).toBeUndefined();
    expect(existsSync(`${env.PATH}/shown`)).toBe(false);
  },
);
