import { describe, expect, test } from "bun:test";
import { closeSync, mkdirSync, openSync, statSync, truncateSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { SCHEMA_VERSION } from "../../src/store/schema.ts";
import { startBus } from "../support/bus.ts";
import { tempFolder } from "../support/folder.ts";
import { moments, writeOriginal } from "../support/original.ts";
import { current, expectRefusal, filesIn, lockElsewhere, sqlite } from "../support/serve.ts";

const WITHIN_MS = 2_000;

function foreign(sql: string): (path: string) => void {
  return (path) => sqlite(path, sql).close(true);
}

async function overwritten(path: string): Promise<void> {
  await current(path);
  const file = openSync(path, "r+");
  writeSync(file, new Uint8Array(40 * 4096).fill(0x5a), 0, 40 * 4096, 4096 * 20);
  closeSync(file);
}

async function truncated(path: string, bytes: number): Promise<void> {
  await current(path);
  truncateSync(path, bytes);
}

interface Refusal {
  what: string;
  prepare(path: string): unknown;
  says: RegExp;
}

const PID_ERA = `CREATE TABLE sessions (id TEXT PRIMARY KEY, name TEXT, machine TEXT, cwd TEXT, repo TEXT,
    registered_at TIMESTAMP, last_heartbeat TIMESTAMP, pid INTEGER);
  CREATE TABLE events (id INTEGER PRIMARY KEY AUTOINCREMENT, event_type TEXT, payload TEXT, session_id TEXT,
    timestamp TIMESTAMP); INSERT INTO events VALUES (1, 'a', 'b', 'c', '2025-01-01T00:00:00');`;

const refusals: Refusal[] = [
  {
    what: "a text file",
    prepare: (path) => writeFileSync(path, "dear diary, today\n".repeat(300)),
    says: /is not an SQLite database.*left as it is: restore a backup/,
  },
  { what: "40 overwritten pages", prepare: overwritten, says: /is corrupt.*restore a backup/ },
  {
    what: "a database cut to 100 bytes",
    prepare: (path) => truncated(path, 100),
    says: /is corrupt|is not an/,
  },
  {
    what: "a database cut in half",
    prepare: (path) => truncated(path, 4096 * 90),
    says: /is corrupt.*restore/,
  },
  {
    what: "a newer schema version",
    prepare: async (path) => {
      await current(path);
      sqlite(path, `UPDATE schema_version SET version = ${SCHEMA_VERSION + 1}`).close(true);
    },
    says: new RegExp(
      `schema version ${SCHEMA_VERSION + 1}.*up to ${SCHEMA_VERSION}.*Install the newer release`,
    ),
  },
  {
    what: "a newer version of the original's tables",
    prepare: (path) => {
      writeOriginal(path, 5, "UTC", moments(10));
      sqlite(path, "INSERT INTO schema_version VALUES (99)").close(true);
    },
    says: /schema version 99/,
  },
  { what: "a folder in its place", prepare: (path) => mkdirSync(path), says: /is a folder.*--db/ },
  {
    what: "the first prototype's sessions",
    prepare: foreign(PID_ERA),
    says: /first prototype.*another --db/,
  },
  {
    what: "another program's tables",
    prepare: foreign("CREATE TABLE users (id, name); INSERT INTO users VALUES (1, 'ann')"),
    says: /another program.*another --db/,
  },
  {
    what: "another program's tables that have our names",
    prepare: foreign("CREATE TABLE sessions (id, user, token); INSERT INTO sessions VALUES (1, 2, 'x')"),
    says: /another program.*another --db/,
  },
  {
    what: "another program's tables with a schema_version of its own",
    prepare: foreign(
      "CREATE TABLE schema_version (version); CREATE TABLE users (id); INSERT INTO schema_version VALUES (3)",
    ),
    says: /another program.*another --db/,
  },
  {
    what: "a sessions table like ours beside another program's events",
    prepare: foreign(
      `${PID_ERA.replace("pid INTEGER", "client_id TEXT")} DROP TABLE events; CREATE TABLE events (id, title, starts_at)`,
    ),
    says: /another program.*another --db/,
  },
  {
    what: "a lock of another program",
    prepare: async (path) => {
      await current(path);
      await lockElsewhere(path, "BEGIN EXCLUSIVE");
    },
    says: /is locked by another program.*stop/,
  },
  {
    what: "a lock of another program on the original's database",
    prepare: async (path) => {
      writeOriginal(path, 5, "UTC", moments(10));
      await lockElsewhere(path, "PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE;");
    },
    says: /is locked by another program.*stop/,
  },
];

describe("the bus refuses to open, in one line, and leaves as it was", () => {
  test.each(refusals)("$what", async ({ what, prepare, says }) => {
    const folder = tempFolder();
    await prepare(join(folder, "data.db"));
    const before = filesIn(folder);
    const { ms } = await expectRefusal({ folder }, says);
    expect(ms).toBeLessThan(WITHIN_MS);
    const left = filesIn(folder).filter((name) => !before.includes(name));
    // What SQLite itself makes to read a database in WAL mode; it holds nothing.
    const harmless = ["data.db.lock", "data.db-shm", "data.db-wal"];
    expect(left.filter((name) => !harmless.includes(name))).toEqual([]);
    if (left.includes("data.db-wal")) expect(statSync(join(folder, "data.db-wal")).size).toBe(0);
    console.log(`${what}: refused in ${ms.toFixed(0)} ms; left behind: ${left.join(", ") || "nothing"}`);
  });
});

test("a second bus on the same database is refused, names the first, and leaves it alone", async () => {
  const first = await startBus("source");
  await first.call("publish_event", { event_type: "a", payload: "b" });
  const { ms } = await expectRefusal(
    { folder: first.folder },
    /in use by another agent-event-bus \(process \d+\)/,
  );
  expect(ms).toBeLessThan(WITHIN_MS);
  const { stderr } = await expectRefusal({ folder: first.folder }, /Stop that one/);
  expect(stderr).toContain(`(process ${first.process.pid})`);
  expect(await first.call("publish_event", { event_type: "a", payload: "b" })).toMatchObject({ event_id: 2 });
  expect(await first.stop()).toBe(0);
  expect(filesIn(first.folder)).toEqual(["data.db", "data.db.lock"]);
});

test("after kill -9 of the first bus a second one starts at once", async () => {
  const first = await startBus("source");
  await first.call("publish_event", { event_type: "a", payload: "b" });
  await first.kill();
  const began = performance.now();
  const second = await startBus("source", { folder: first.folder });
  expect(performance.now() - began).toBeLessThan(WITHIN_MS);
  expect(await second.call("publish_event", { event_type: "a", payload: "b" })).toMatchObject({
    event_id: 2,
  });
  await second.stop();
});
