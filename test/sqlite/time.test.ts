import { expect, test } from "bun:test";
import { openDatabase } from "../../src/runtime/runtime.ts";
import { storedTime, wireTime } from "../../src/sqlite/time.ts";
import { join as register } from "../support/agent.ts";
import { startBus, startHere } from "../support/bus.ts";
import { rowsOf } from "../support/original.ts";
import { timesIn } from "../support/times.ts";
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
