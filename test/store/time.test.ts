import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { openDatabase } from "../../src/runtime/runtime.ts";
import { lockDatabase, openFile } from "../../src/store/open.ts";
import { MIGRATIONS } from "../../src/store/schema.ts";
import { storedTime, wireTime } from "../../src/store/time.ts";
import { join as register } from "../support/agent.ts";
import { startBus, startHere } from "../support/bus.ts";
import { tempFolder } from "../support/folder.ts";
import { contents, rowsOf } from "../support/original.ts";
import { eventually } from "../support/webhook.ts";

const WIRE = "2026-11-28T22:10:56.123Z";
const STORED = "2026-11-28T22:10:56.123+00:00";

const forms: [stored: string, wire: string][] = [
  [STORED, WIRE],
  [WIRE, WIRE],
  // What the original writes: local time.
  ["2026-11-28T22:10:56.123456", new Date("2026-11-28T22:10:56.123").toISOString()],
  ["2026-11-28T22:10:56", new Date("2026-11-28T22:10:56").toISOString()],
  ["no time", "no time"],
  ["12", "12"],
  ["", ""],
];

test.each(forms)("the stored time %j is %j on the wire", (stored, wire) => {
  expect(wireTime(stored)).toBe(wire);
  expect(storedTime(WIRE)).toBe(STORED);
  expect(storedTime(null)).toBeNull();
});

/** Every column that holds a time. */
const COLUMNS: Record<string, string[]> = {
  events: ["timestamp"],
  sessions: ["registered_at", "last_heartbeat", "deleted_at", "lease_until"],
  webhooks: ["created_at", "last_success", "last_failure"],
  claims: ["claimed_at"],
  mail: ["offered_at", "seen_at", "acked_at"],
};

function timesIn(path: string): string[] {
  const cells = Object.entries(COLUMNS).flatMap(([table, columns]) =>
    rowsOf(path, table).flatMap((row) => columns.map((column) => row[column])),
  );
  return cells.filter((cell) => typeof cell === "string");
}

// As the original's tools read it.
const READER = `import sqlite3, sys
from datetime import datetime
sqlite3.register_converter("TIMESTAMP", lambda data: datetime.fromisoformat(data.decode()))
db = sqlite3.connect(sys.argv[1], detect_types=sqlite3.PARSE_DECLTYPES)
for row in db.execute("SELECT timestamp FROM events"): assert row[0].utcoffset().total_seconds() == 0, row
for row in db.execute("SELECT registered_at, last_heartbeat, deleted_at FROM sessions"): assert row[0].tzinfo, row
for row in db.execute("SELECT created_at FROM webhooks"): assert row[0].tzinfo, row
print("read")`;

for (const kind of ["binary", "node"] as const)
  test(`what a bus writes is read by Python's fromisoformat, and is Z on the wire (${kind})`, async () => {
    const bus = await startBus(kind);
    const { session_id } = await register(bus, { claim: true });
    const gone = await register(bus);
    await bus.call("unregister_session", { session_id: gone.session_id });
    const { event_id } = await bus.call("publish_event", {
      ...{ event_type: "note", payload: "p", channel: `session:${session_id}` },
    });
    await bus.call("ack_events", { session_id, cursor: String(event_id) });
    await bus.call("register_webhook", { url: "https://example.com/" });
    const answers = JSON.stringify([
      await bus.call("get_events"),
      await bus.call("list_sessions"),
      await bus.call("list_webhooks"),
      await bus.call("get_delivery", { event_id }),
      await bus.call("get_events", { session_id: gone.session_id }),
    ]);
    expect(answers).not.toContain("+00:00");
    expect(answers.match(/T\d\d:\d\d:\d\d\.\d{3}Z"/g)?.length).toBeGreaterThan(10);
    expect(await bus.stop()).toBe(0);
    const times = timesIn(bus.db);
    expect(times.length).toBeGreaterThan(10);
    for (const time of times) expect(time).toMatch(/^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00$/);
    const python = Bun.which("python3");
    if (python === null) return console.log("skipped: no python3");
    const read = Bun.spawnSync([python, "-c", READER, bus.db], { stderr: "pipe" });
    expect(`${read.stdout}${read.stderr}`).toBe("read\n");
  });

test("a million times of version 9 are converted at the first start, after a copy, and the wire shows the same", async () => {
  const folder = tempFolder();
  const path = join(folder, "data.db");
  const db = openDatabase(path);
  db.exec("CREATE TABLE schema_version (version INTEGER PRIMARY KEY); INSERT INTO schema_version VALUES (9)");
  for (const { version, apply } of MIGRATIONS) if (version <= 9) apply(db);
  db.exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000)
    INSERT INTO events (event_type, payload, session_id, timestamp, channel)
    SELECT 'note', 'payload ' || i, 's', strftime('%Y-%m-%dT%H:%M:%fZ', 1700000000 + i, 'unixepoch'), 'all' FROM n;
    INSERT INTO sessions (id, display_id, name, machine, cwd, repo, registered_at, last_heartbeat, lease_until)
      VALUES ('s', 'brave-trex', 'n', 'm', '/', 'r', '${WIRE}', '${WIRE}', '${WIRE}');
    INSERT INTO webhooks (url, created_at, last_success) VALUES ('http://127.0.0.1:1/', '${WIRE}', '${WIRE}');
    INSERT INTO claims VALUES ('api', 's', '${WIRE}');
    INSERT INTO mail (recipient, event_id, offered_at, seen_at) VALUES ('s', 1, '${WIRE}', NULL)`);
  db.close();
  const before = contents(path);

  const began = performance.now();
  const opened = openFile(path, Date.now, lockDatabase(path));
  console.log(`a million times converted in ${Math.round(performance.now() - began)} ms, with the copy`);
  opened.db.close();
  opened.lock.release();
  expect(new Set(timesIn(path).map((time) => time.slice(-6)))).toEqual(new Set(["+00:00"]));
  expect(rowsOf(path, "mail")).toMatchObject([{ offered_at: STORED, seen_at: null, acked_at: null }]);
  expect(
    contents(join(folder, readdirSync(folder).find((name) => name.includes(".backup-v9-")) ?? "")),
  ).toEqual(before);
  const bus = await startHere({ folder });
  const { events } = await bus.call("get_events", { limit: 1 });
  expect(events).toMatchObject([{ id: 1_000_000, timestamp: new Date(1_701_000_000_000).toISOString() }]);
  await bus.stop();
});

test("sessions are ordered by moment, whoever wrote their times", async () => {
  const now = Date.parse("2026-06-01T12:00:00.000Z");
  const bus = await startHere({ now: () => now });
  const text = (minutes: number, form: "ours" | "older" | "original") => {
    const wire = new Date(now - minutes * 60_000).toISOString();
    return { ours: storedTime(wire), older: wire, original: `${wire.slice(0, -1)}000` }[form];
  };
  const heard: [name: string, time: string][] = [
    ["third", text(3, "older")],
    ["first", text(1, "original")],
    ["fourth", text(4, "ours")],
    ["second", text(2, "ours")],
    ["gone", text(25 * 60, "older")],
  ];
  const db = openDatabase(bus.db);
  for (const [name, time] of heard)
    db.exec(`INSERT INTO sessions (id, display_id, name, machine, cwd, repo, registered_at, last_heartbeat)
      VALUES ('${name}', '${name}', '${name}', 'elsewhere', '/', 'r', '${time}', '${time}')`);
  db.close();
  const { result } = await bus.call("list_sessions");
  expect(result.map(({ name }: { name: string }) => name)).toEqual(["first", "second", "third", "fourth"]);
  // A heartbeat never goes back, in any form.
  await bus.call("get_events", { session_id: "third", peek: true });
  const saved = () => rowsOf(bus.db, "sessions").find(({ id }) => id === "third")?.last_heartbeat;
  await eventually("its heartbeat is now", () => saved() === storedTime(new Date(now).toISOString()));
});
