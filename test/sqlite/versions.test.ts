import { describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { SCHEMA_VERSION } from "../../src/sqlite/schema.ts";
import { startBus } from "../support/bus.ts";
import { tempFolder } from "../support/folder.ts";
import { type Cell, rowsOf } from "../support/original.ts";
import { timeIn, VERSIONS, writeOwn } from "../support/schemas.ts";

const tablesSince = {
  6: ["bus", "events", "sessions", "webhooks"],
  7: ["deliveries"],
  9: ["aliases", "claims", "mail"],
  13: ["needs"],
};

function tablesOf(version: number): string[] {
  return Object.entries(tablesSince).flatMap(([since, tables]) => (Number(since) <= version ? tables : []));
}

/** A row with its times as they are kept since version 10. */
const inZone = (row: Record<string, Cell>) =>
  Object.fromEntries(
    Object.entries(row).map(([name, cell]) => [
      name,
      String(cell).endsWith("Z") ? String(cell).replace(/Z$/, "+00:00") : cell,
    ]),
  );

// test/sqlite/original.test.ts opens those of the versions before.
describe.each([...VERSIONS])("a version %i database", (version) => {
  test("opens, keeps every row, and its tools read it", async () => {
    const folder = tempFolder();
    const path = join(folder, "data.db");
    writeOwn(path, version);
    const before = tablesOf(version).map((table) => ({ table, rows: rowsOf(path, table) }));
    for (const { rows } of before) expect(rows.length).toBeGreaterThan(0);

    const bus = await startBus("binary", { folder });
    const { events } = await bus.call("get_events", { order: "asc" });
    const sessions = await bus.call("list_sessions");
    const webhooks = await bus.call("list_webhooks", { active_only: false });
    const deliveries = await bus.call("list_deliveries");
    const mail = await bus.call("get_delivery", { event_id: 4 });
    const gone = await bus.call("get_events", { session_id: "s-gone" });
    const resumed = await bus.call("get_events", {
      session_id: "s-a",
      resume: true,
      peek: true,
      order: "asc",
    });
    const claimed = await bus.call("publish_event", { event_type: "n", payload: "", channel: "@lead" });
    const renamed = await bus.call("publish_event", {
      event_type: "n",
      payload: "",
      channel: "session:old-name",
    });
    expect(await bus.stop()).toBe(0);

    for (const { table, rows } of before) {
      const found = rowsOf(path, table);
      for (const row of rows) {
        // The bus writes down when it heard of a session.
        const { last_heartbeat: _, ...kept } = inZone(row);
        expect(found).toContainEqual(expect.objectContaining(kept));
      }
    }
    expect(events).toMatchObject([
      { id: 1, payload: "hello", channel: "all", timestamp: timeIn(6, 1) },
      {
        id: 2,
        payload: "🦖 漢字",
        correlation_id: "q-1",
        title: "t",
        tags: ["x"],
        signal_level: "actionable",
      },
      { id: 3, channel: "session:s-a" },
      { id: 4, channel: "session:s-b" },
    ]);
    expect(events[1].origin).toBe(version >= 8 ? "laptop" : undefined);
    const here = sessions.result.map(({ session_id, display_id }: Record<string, string>) => [
      session_id,
      display_id,
    ]);
    expect(here.sort()).toEqual([
      ["s-a", "calm-otter"],
      ["s-b", "wise-fox"],
    ]);
    expect(gone).toMatchObject({ session_deleted: true });
    expect(resumed.events.map(({ id }: { id: number }) => id)).toEqual([3, 4]);
    expect(webhooks.result).toMatchObject([
      {
        webhook_id: 1,
        channel: "repo:",
        event_types: ["never"],
        active: true,
        has_secret: true,
        ordered: version >= 7,
      },
      {
        webhook_id: 2,
        channel: null,
        active: false,
        has_secret: false,
        last_error: version >= 7 ? "HTTP 500" : null,
      },
    ]);
    const states = Object.fromEntries(
      deliveries.result.map((one: Record<string, unknown>) => [one.delivery_id, one.state]),
    );
    expect(states).toEqual(version >= 7 ? { 1: "delivered", 2: "dead", 3: "pending" } : {});
    expect(mail.deliveries).toMatchObject([{ recipient: "s-b", state: "stored" }]);
    expect(claimed.channel).toBe(version >= 9 ? "session:s-b" : "session:@lead");
    expect(renamed.channel).toBe(version >= 9 ? "session:s-a" : "session:old-name");
    expect(rowsOf(path, "schema_version").at(-1)).toEqual({ version: SCHEMA_VERSION });
    const backups = readdirSync(folder).filter((name) => name.includes(".backup-"));
    expect(backups.map((name) => name.slice(0, "data.db.backup-v".length + String(version).length))).toEqual(
      version < SCHEMA_VERSION ? [`data.db.backup-v${version}`] : [],
    );
  });
});
