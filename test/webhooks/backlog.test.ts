import { expect, test } from "bun:test";
import { join } from "node:path";
import { openDatabase } from "../../src/runtime/runtime.ts";
import { SQL } from "../../src/sqlite/delivery_sql.ts";
import { MIGRATIONS } from "../../src/sqlite/schema.ts";
import { prepared } from "../../src/sqlite/statements.ts";
import { publish } from "../support/agent.ts";
import { startBus } from "../support/bus.ts";
import { tempFolder } from "../support/folder.ts";
import { deliveriesOf, eventually, hook, hookOf } from "../support/webhook.ts";

test("of more than the bound the oldest expire in the open, the newest stay, also for a paused webhook", async () => {
  const folder = tempFolder();
  const env = { AGENT_EVENT_BUS_WEBHOOK_BACKLOG: "100", AGENT_EVENT_BUS_WEBHOOK_SPEED: "10" };
  const first = await startBus("binary", { folder, env });
  const id = await hook(first, "http://127.0.0.1:1/", { event_types: ["note"] });
  const paused = await hook(first, "http://127.0.0.1:1/", { event_types: ["note"] });
  await first.call("set_webhook_active", { webhook_id: paused, active: false });
  for (let i = 0; i < 20; i++) await Promise.all(Array.from({ length: 100 }, () => publish(first)));
  await first.call("redeliver_webhook", { webhook_id: paused, since: 1 });
  await first.kill();
  const bus = await startBus("binary", { folder, env });
  await eventually("expired", async () => (await hookOf(bus, paused)).pending === 100, 20_000);
  for (const webhook of [id, paused]) {
    expect(await hookOf(bus, webhook)).toMatchObject({ pending: 100, expired: 1_900, dead: 0 });
    const [newest] = await deliveriesOf(bus, webhook, { state: "expired", limit: 1 });
    expect(newest).toMatchObject({ event_id: 1_900, last_error: "more than 100 deliveries were waiting" });
  }
}, 60_000);

test("no query of the outbox reads a whole table or sorts", async () => {
  const plans: string[] = [];
  const db = openDatabase(join(tempFolder(), "data.db"));
  for (const { apply } of MIGRATIONS) apply(db);
  const prepare = (sql: string) => {
    const params = Object.fromEntries([...sql.matchAll(/\$(\w+)/g)].map(([, name]) => [name, 1]));
    const explained = /^(SELECT|UPDATE|DELETE)/.test(sql)
      ? db.prepare(`EXPLAIN QUERY PLAN ${sql}`)
      : undefined;
    const rows = explained?.all(params) ?? [];
    for (const { detail } of rows) plans.push(`${detail}  ←  ${sql.replace(/\s+/g, " ")}`);
    return db.prepare(sql);
  };
  prepared({ ...db, prepare }, SQL);
  db.close();
  expect(plans.length).toBeGreaterThan(12);
  expect(plans.filter((plan) => /SCAN|TEMP B-TREE/.test(plan))).toEqual([]);
});
