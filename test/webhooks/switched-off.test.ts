import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { publish } from "../support/agent.ts";
import { startHere } from "../support/bus.ts";
import { receiver } from "../support/receiver.ts";
import { eventually, hook, hookOf } from "../support/webhook.ts";

test("a webhook is switched off together with its event, or not at all", async () => {
  const target = receiver(() => new Response(null, { status: 410 }));
  const warnings: string[] = [];
  const log = {
    info() {},
    warn: (text: string) => void warnings.push(text),
    error() {},
    failure() {},
    call() {},
  };
  const bus = await startHere({ log: { ...log, flush: async () => {} } });
  const beside = new Database(bus.db);
  beside.run("PRAGMA busy_timeout = 5000");
  beside.run(`CREATE TRIGGER no_event BEFORE INSERT ON events WHEN NEW.event_type = 'webhook_disabled'
    BEGIN SELECT RAISE(ABORT, 'no such event'); END`);
  const id = await hook(bus, target.url());
  const disabled = async () =>
    (await bus.call("get_events", { event_types: ["webhook_disabled"] })).events.length;

  await publish(bus);
  await eventually("the append failed", async () => warnings.some((text) => text.includes("no such event")));
  expect([(await hookOf(bus, id)).active, await disabled()]).toEqual([true, 0]);

  beside.run("DROP TRIGGER no_event");
  await eventually("it is off", async () => !(await hookOf(bus, id)).active);
  expect(await disabled()).toBe(1);
  target.stop();
});
