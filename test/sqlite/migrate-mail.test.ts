import { expect, test } from "bun:test";
import { join } from "node:path";
import { openDatabase } from "../../src/runtime/runtime.ts";
import { MIGRATIONS, SCHEMA_VERSION } from "../../src/sqlite/schema.ts";
import { startHere } from "../support/bus.ts";
import { startClient } from "../support/client.ts";
import { tempFolder } from "../support/folder.ts";
import { type Cell, moments, rowsOf, writeOriginal } from "../support/original.ts";

const AT = "2026-01-01T00:00:00.000Z";
const TABLES = ["sessions", "events", "webhooks", "deliveries", "bus"];

/** A database as version 8 left it. `a` has read up to event 3, `b` nothing, `gone` is unregistered. */
function version8(path: string): void {
  const db = openDatabase(path);
  db.exec("CREATE TABLE schema_version (version INTEGER PRIMARY KEY); INSERT INTO schema_version VALUES (8)");
  for (const { version, apply } of MIGRATIONS) if (version <= 8) apply(db);
  for (const [id, cursor, deleted] of [
    ["a", "'3'", "NULL"],
    ["b", "NULL", "NULL"],
    ["odd", "'no number'", "NULL"],
    ["gone", "'0'", `'${AT}'`],
  ])
    db.exec(`INSERT INTO sessions (id, display_id, name, machine, cwd, repo, registered_at, last_heartbeat, client_id, last_cursor, deleted_at)
      VALUES ('${id}', 'd-${id}', 'name', 'm', '/', 'r', '${AT}', '${AT}', 'client-${id}', ${cursor}, ${deleted})`);
  const channels = [
    "session:a",
    "all",
    "session:b",
    "session:a",
    "session:nobody",
    "session:odd",
    "session:gone",
    "repo:r",
    "session:a",
  ];
  for (const channel of channels)
    db.exec(`INSERT INTO events (event_type, payload, session_id, timestamp, channel, origin)
      VALUES ('n', 'p', 's', '${AT}', '${channel}', 'local')`);
  db.exec(`INSERT INTO webhooks (url, created_at) VALUES ('http://127.0.0.1:1/', '${AT}');
    INSERT INTO deliveries (webhook_id, event_id, state, created_at) VALUES (1, 2, 'dead', 5)`);
  db.close();
}

/** The same row with its times as they are kept since version 10. */
const inZone = (row: Record<string, Cell>) =>
  Object.fromEntries(
    Object.entries(row).map(([name, value]) => [name, value === AT ? AT.replace("Z", "+00:00") : value]),
  );

const mailIn = (path: string) => rowsOf(path, "mail").map(({ recipient, event_id }) => [recipient, event_id]);

test("direct messages that were unread become mail, all else stays as it was", async () => {
  const folder = tempFolder();
  const path = join(folder, "data.db");
  version8(path);
  const before = Object.fromEntries(TABLES.map((table) => [table, rowsOf(path, table)]));
  const bus = await startHere({ folder });
  await bus.stop();
  expect(mailIn(path)).toEqual([
    ["a", 4],
    ["a", 9],
    ["b", 3],
    ["odd", 6],
  ]);
  for (const row of rowsOf(path, "mail"))
    expect(row).toMatchObject({
      offered_at: null,
      offered_by: null,
      offers: 0,
      seen_at: null,
      acked_at: null,
    });
  for (const [table, rows] of Object.entries(before)) {
    // The key is made when a database without one is opened.
    const after = rowsOf(path, table).filter(({ key }) => table !== "bus" || key !== "key");
    expect(after).toHaveLength(rows.length);
    for (const [i, row] of rows.entries()) expect(after[i]).toMatchObject(inZone(row));
  }
  const fresh = { pid: null, pid_started: null, state: null, lease_until: null, offered_cursor: 0 };
  for (const row of rowsOf(path, "sessions")) expect(row).toMatchObject(fresh);
  expect(rowsOf(path, "schema_version")).toEqual([{ version: SCHEMA_VERSION }]);
});

test("such mail is handed over by the first hook of its session, and what is older is never shown again", async () => {
  const folder = tempFolder();
  version8(join(folder, "data.db"));
  const bus = await startHere({ folder });
  expect((await bus.call("get_delivery", { event_id: 1 })).deliveries).toEqual([]);
  expect((await bus.call("get_delivery", { event_id: 4 })).deliveries).toMatchObject([
    { recipient: "a", state: "stored" },
  ]);
  const client = await startClient(bus, { client_id: "client-a", machine: "m", repo: "r" });
  expect(client.session_id).toBe("a");
  await client.hook("tool", { client_id: "client-a" });
  expect(client.shown.map(({ id }) => id)).toEqual([4, 9]);
});

test("the unread messages of the original's sessions become mail too", async () => {
  const folder = tempFolder();
  const path = join(folder, "data.db");
  writeOriginal(path, 5, "UTC", moments(2_000));
  const [sessions, events] = [rowsOf(path, "sessions"), rowsOf(path, "events")];
  const bus = await startHere({ folder });
  await bus.stop();
  const unread = (session: Record<string, Cell>) =>
    events
      .filter(
        ({ id, channel }) =>
          channel === `session:${session.id}` && Number(id) > Number(session.last_cursor ?? 0),
      )
      .map(({ id }) => [session.id, id]);
  const expected = sessions.filter(({ deleted_at }) => deleted_at === null).flatMap(unread);
  expect(expected.length).toBeGreaterThan(100);
  const key = (row: unknown[]) => row.join();
  expect(mailIn(path).map(key).sort()).toEqual(expected.map(key).sort());
  console.log(`${expected.length} unread messages of ${sessions.length} sessions of the original are mail`);
});
