import { expect, test } from "bun:test";
import { join } from "node:path";
import { lockDatabase, openFile } from "../../src/sqlite/open.ts";
import { startHere, type TestBus } from "../support/bus.ts";
import { tempFolder } from "../support/folder.ts";

const BACKLOG = 1_000_000;
const SESSIONS = 10_000;
const RUNS = 5;

/** A bus on a database that this SQL filled. */
async function filled(...sql: string[]): Promise<TestBus> {
  const folder = tempFolder();
  const path = join(folder, "data.db");
  const { db, lock } = openFile(path, Date.now, lockDatabase(path));
  db.exec("PRAGMA synchronous = OFF");
  for (const one of sql) db.exec(one);
  db.close();
  lock.release();
  return startHere({ folder });
}

const numbers = (count: number) =>
  `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${count})`;

const events = (count: number, channel: string, type = "note", sender = "'s'") => `${numbers(count)}
  INSERT INTO events (event_type, payload, session_id, timestamp, channel, origin)
  SELECT '${type}', 'p' || i, ${sender}, '2026-01-01T00:00:00.000Z', ${channel}, 'local' FROM n`;

const session = (id: string, name: string, rest = "SELECT 1") => `${rest.startsWith("SELECT") ? "" : rest}
  INSERT INTO sessions (id, display_id, name, machine, cwd, repo, registered_at, last_heartbeat, client_id, last_cursor)
  SELECT ${id}, ${id}, ${name}, 'far', '/', 'r', strftime('%Y-%m-%dT%H:%M:%fZ'), strftime('%Y-%m-%dT%H:%M:%fZ'), ${id}, '0'
  ${rest.startsWith("SELECT") ? "" : "FROM n"}`;

/** The longest of some runs, ms. */
async function longest(run: () => Promise<unknown>): Promise<number> {
  let ms = 0;
  for (let i = 0; i < RUNS; i++) {
    const began = performance.now();
    await run();
    ms = Math.max(ms, performance.now() - began);
  }
  return ms;
}

const BACKLOGS: [what: string, channel: string, type: string, sender: string][] = [
  ["for everyone", "'all'", "note", "'s'"],
  ["of no interest to anyone", "'all'", "task_started", "'s'"],
  ["for others", "'session:other' || i % 50", "note", "'s'"],
  [
    "of three channels in turn",
    "CASE i % 3 WHEN 0 THEN 'all' WHEN 1 THEN 'repo:r' ELSE 'machine:far' END",
    "note",
    "'s'",
  ],
  ["of its own", "'all'", "note", "'me'"],
];

test.each(BACKLOGS)("a hook is not held up by a million events %s", async (what, channel, type, sender) => {
  const bus = await filled(session("'me'", "'me'"), events(BACKLOG, channel, type, sender));
  const { event_id } = await bus.call("publish_event", {
    event_type: "n",
    payload: "now",
    channel: "session:me",
  });
  const collect = (path: string) => bus.call("collect_events", { client_id: "me", machine: "far", path });
  const tool = await collect("tool");
  // However long the backlog is, a direct message is not behind it where only what is actionable counts.
  expect(tool.events.map(({ id }: { id: number }) => id)).toEqual([event_id]);
  const times: string[] = [];
  for (const path of ["prompt", "tool", "stop"])
    times.push(`${path} ${(await longest(() => collect(path))).toFixed(1)}`);
  const start = await longest(() =>
    bus.call("start_session", { client_id: "me", machine: "far", name: "me", cwd: "/", repo: "r" }),
  );
  console.log(
    `${BACKLOG} events ${what}, longest of ${RUNS} calls, ms: ${times.join(", ")}, start ${start.toFixed(1)}`,
  );
  await bus.stop();
});

test("a message among many seen ones is found, and counted, without walking them", async () => {
  const bus = await filled(
    session("'me'", "'me'"),
    events(200_000, "'session:me'"),
    "INSERT INTO mail (recipient, event_id, seen_at) SELECT 'me', id, timestamp FROM events",
    "UPDATE sessions SET last_cursor = '200000'",
  );
  const { event_id } = await bus.call("publish_event", {
    event_type: "n",
    payload: "now",
    channel: "session:me",
  });
  const collect = () => bus.call("collect_events", { client_id: "me", machine: "far", path: "tool" });
  expect((await collect()).events.map(({ id }: { id: number }) => id)).toEqual([event_id]);
  const [tool, list] = [await longest(collect), await longest(() => bus.call("list_sessions"))];
  console.log(
    `200000 seen messages, longest of ${RUNS} calls, ms: tool ${tool.toFixed(1)}, sessions ${list.toFixed(1)}`,
  );
  await bus.stop();
});

test("ten thousand sessions, with their claims and unread messages, are listed", async () => {
  const bus = await filled(
    session("'s' || i", "'n' || i", numbers(SESSIONS)),
    events(SESSIONS * 2, "'session:s' || (i % 5000)"),
    "INSERT INTO mail (recipient, event_id) SELECT substr(channel, 9), id FROM events",
    "INSERT INTO claims (name, session_id, claimed_at) SELECT 'c' || id, id, '' FROM sessions",
  );
  const { result } = await bus.call("list_sessions");
  expect(result).toHaveLength(SESSIONS);
  expect(result.find((one: { name: string }) => one.name === "n7")).toMatchObject({
    unread: 4,
    claims: ["cs7"],
  });
  const list = await longest(() => bus.call("list_sessions"));
  let n = 0;
  const register = await longest(() =>
    bus.call("register_session", { name: `x${++n}`, machine: "far", client_id: `x${n}` }),
  );
  console.log(
    `${SESSIONS} sessions, longest of ${RUNS} calls, ms: sessions ${list.toFixed(0)}, register ${register.toFixed(0)}`,
  );
  await bus.stop();
});
