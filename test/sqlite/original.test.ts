import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { startBus } from "../support/bus.ts";
import { tempFolder } from "../support/folder.ts";
import {
  type Cell,
  candidates,
  contents,
  type Moment,
  moments,
  naive,
  rowsOf,
  type Version,
  writeOriginal,
} from "../support/original.ts";

const EVENTS = 5_000;
const ZONES = ["UTC", "America/New_York", "Asia/Kolkata"];
const zones = existsSync("/usr/share/zoneinfo/Asia/Kolkata");
if (!zones) console.log("skipped: time zones, no /usr/share/zoneinfo");

async function migrated(version: Version, zone: string, times: readonly Moment[]) {
  const folder = tempFolder();
  const path = join(folder, "data.db");
  writeOriginal(path, version, zone, times);
  const before = contents(path);
  const rows = Object.fromEntries(
    ["events", "sessions", ...(version >= 3 ? ["webhooks"] : [])].map((name) => [name, rowsOf(path, name)]),
  );
  const bus = await startBus("binary", { folder, env: { TZ: zone } });
  return { bus, folder, path, before, rows };
}

/** What a migrated row must be: the same, with its times as instants. */
function expectRow(found: Record<string, Cell>, original: Record<string, Cell>, instants: Instants) {
  const times = ["timestamp", "registered_at", "last_heartbeat", "deleted_at", "created_at"];
  for (const [column, value] of Object.entries(original)) {
    if (times.includes(column) && value !== null)
      expect(instants.get(String(value))).toContain(String(found[column]).replace("+00:00", "Z"));
    else expect(found[column]).toBe(value);
  }
}

type Instants = ReadonlyMap<string, string[]>;

function instantsOf(zone: string, times: readonly Moment[]): Instants {
  return new Map(times.map((moment) => [naive(zone, moment), candidates(zone, moment)]));
}

describe.each(zones ? ZONES : ["UTC"])("a version 5 database written in %s", (zone) => {
  test("keeps every row and id, and its times become instants", async () => {
    const times = moments(EVENTS);
    const instants = instantsOf(zone, times);
    const { bus, folder, path, before, rows } = await migrated(5, zone, times);
    const { events } = await bus.call("get_events", { order: "asc", limit: 1000 });
    const next = await bus.call("publish_event", { event_type: "after", payload: "" });
    expect(await bus.stop()).toBe(0);

    const ambiguous = [...instants.values()].filter((list) => list.length > 1).length;
    expect(ambiguous > 0).toBe(zone === "America/New_York");
    for (const [table, originals] of Object.entries(rows)) {
      const found = rowsOf(path, table).slice(0, originals.length);
      expect(found).toHaveLength(originals.length);
      found.forEach((row, i) => {
        expectRow(row, originals[i] as Record<string, Cell>, instants);
      });
    }
    expect(events).toHaveLength(1000);
    for (const [i, event] of events.entries()) {
      const original = rows.events?.[i] as Record<string, Cell>;
      expect(event).toMatchObject({ id: original.id, payload: original.payload });
      expect(instants.get(String(original.timestamp))).toContain(event.timestamp);
    }
    expect(next.event_id).toBe(Number(rows.events?.at(-1)?.id) + 8);

    const backups = readdirSync(folder).filter((name) => name.startsWith("data.db.backup"));
    expect(backups).toEqual([`data.db.backup-v5-${new Date().toISOString().slice(0, 10)}`]);
    const backup = join(folder, backups[0] as string);
    expect(contents(backup)).toEqual(before);
    expect(statSync(backup).mode & 0o777).toBe(0o600);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    console.log(`${zone}: ${EVENTS} events, 40 sessions, 4 webhooks kept; ${ambiguous} ambiguous times`);
  });
});

describe.each([0, 1, 2, 3, 4] as const)("a version %i database", (version) => {
  test("opens with its whole history and gets what it lacks", async () => {
    const times = moments(200);
    const instants = instantsOf("UTC", times);
    const { bus, folder, path, before, rows } = await migrated(version, "UTC", times);
    const newest = await bus.call("get_events");
    const hooks = await bus.call("list_webhooks", { active_only: false });
    const published = await bus.call("publish_event", {
      event_type: "after",
      payload: "",
      channel: "repo:x",
      correlation_id: "c",
      title: "t",
    });
    expect(await bus.stop()).toBe(0);
    expect(newest.events[0].id).toBe(200);
    expect(hooks.result).toHaveLength(version >= 3 ? 4 : 0);
    expect(published).toMatchObject({ channel: "repo:x", correlation_id: "c" });
    for (const [table, originals] of Object.entries(rows)) {
      const found = rowsOf(path, table);
      originals.forEach((original, i) => {
        expectRow(found[i] as Record<string, Cell>, original, instants);
      });
    }
    for (const row of rowsOf(path, "sessions")) expect(row.display_id).toMatch(/^brave-trex-\d+$/);
    const name = readdirSync(folder).find((file) => file.includes(".backup-")) ?? "";
    expect(name).toStartWith(`data.db.backup-v${Math.max(version, 1)}-`);
    expect(contents(join(folder, name))).toEqual(before);
  });
});

test("sessions of the original go on where they were: cursor, revival, deletion", async () => {
  const { bus } = await migrated(5, "UTC", moments(EVENTS));
  const args = { name: "n", machine: "desktop", cwd: "/", client_id: "client-5" };
  expect(await bus.call("get_events", { session_id: "client-5" })).toMatchObject({ session_deleted: true });
  expect(await bus.call("register_session", args)).toMatchObject({
    session_id: "client-5",
    display_id: "brave-trex-5",
    resumed: true,
    cursor: "50",
  });
  const { events } = await bus.call("get_events", { session_id: "client-5", resume: true, order: "asc" });
  expect(events[0].id).toBe(51);
  await bus.stop();
});

test("a database that the original was still writing its log of is taken over with that log", async () => {
  const folder = tempFolder();
  const path = join(folder, "data.db");
  writeOriginal(path, 5, "UTC", moments(100));
  const writer = Bun.spawn([
    process.execPath,
    "-e",
    `const { Database } = require("bun:sqlite"); const db = new Database(${JSON.stringify(path)});
     db.run("PRAGMA wal_autocheckpoint = 0"); db.run("INSERT INTO events (event_type, payload, session_id, timestamp) VALUES ('late', '', 's', '2025-01-01T00:00:00')");
     process.kill(process.pid, "SIGKILL");`,
  ]);
  await writer.exited;
  expect(statSync(`${path}-wal`).size).toBeGreaterThan(0);
  const before = contents(path);
  const bus = await startBus("binary", { folder });
  const { events } = await bus.call("get_events", { limit: 1 });
  expect(events[0]).toMatchObject({ event_type: "late", timestamp: "2025-01-01T00:00:00.000Z" });
  await bus.stop();
  const backup = readdirSync(folder).find((file) => file.includes(".backup-")) ?? "";
  expect(contents(join(folder, backup))).toEqual(before);
});
