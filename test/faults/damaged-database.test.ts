import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { SCHEMA_VERSION } from "../../src/sqlite/schema.ts";
import { startBus } from "../support/bus.ts";
import { tempFolder } from "../support/folder.ts";
import { moments, writeOriginal } from "../support/original.ts";
import { end, health } from "../support/process.ts";
import { callTool } from "../support/rpc.ts";
import { current, expectRefusal, filesIn, lockElsewhere, sha256, sqlite } from "../support/serve.ts";

/** A refusal without a wait. A wait for a lock takes ten seconds. */
const WITHIN_MS = 8_000;

function foreign(sql: string): (path: string) => void {
  return (path) => sqlite(path, sql).close(true);
}

async function overwritten(path: string): Promise<void> {
  await current(path);
  overwrite(path);
}

/** Forty pages in the middle, as a disk would lose them. */
function overwrite(path: string): void {
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
    says: /is not an SQLite database.*not changed\. Restore a backup/,
  },
  { what: "40 overwritten pages", prepare: overwritten, says: /is corrupt.*Restore a backup/ },
  {
    what: "a database cut to 100 bytes",
    prepare: (path) => truncated(path, 100),
    says: /is corrupt|is not an/,
  },
  {
    what: "a database cut in half",
    prepare: (path) => truncated(path, 4096 * 90),
    says: /is corrupt.*Restore/,
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
    says: /is locked by another program.*Stop/,
  },
  {
    what: "a lock of another program on the original's database",
    prepare: async (path) => {
      writeOriginal(path, 5, "UTC", moments(10));
      await lockElsewhere(path, "PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE;");
    },
    says: /is locked by another program.*Stop/,
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

/** A folder with the database of a bus that has ended. Not of this process, which would go on holding the file. */
async function ended(): Promise<string> {
  const bus = await startBus("binary");
  const events = Array.from({ length: 400 }, (_, i) => ({ event_type: "t", payload: `${i} `.repeat(500) }));
  await Promise.all(events.map((event) => bus.call("publish_event", event)));
  await bus.stop();
  return bus.folder;
}

const damaged =
  /^\w+: The database .*data\.db is damaged .*The bus no longer writes to it. Stop the bus and restore a backup/;

test.each(["binary", "node"] as const)(
  "damage found while the bus runs ends all writing, and no byte of the file changes until a backup is restored (%s)",
  async (kind) => {
    const folder = await ended();
    const path = join(folder, "data.db");
    const bus = await startBus(kind, { folder });
    const { session_id } = await bus.call("register_session", { name: "reader", client_id: "reader" });
    expect(
      await bus.call("publish_event", { event_type: "t", payload: "in the log of writes" }),
    ).toMatchObject({
      event_id: 402,
    });
    overwrite(path);
    const files = filesIn(folder);
    const sums = files.map((name) => sha256(join(folder, name)));
    const read = await callTool(bus.url, "get_events", { cursor: "0", order: "asc", limit: 400 });
    expect(read.content[0].text).toMatch(damaged);
    const told = await health(bus);
    expect(told).toMatchObject({ code: 503, status: "degraded", reason: "storage_corrupt" });
    for (const tool of ["publish_event", "register_session", "register_webhook"]) {
      const args = { event_type: "t", payload: "p", name: "n", url: "http://127.0.0.1:1/" };
      expect((await callTool(bus.url, tool, args)).content[0].text).toMatch(damaged);
    }
    // What is whole can still be read.
    const newest = await bus.call("get_events", { session_id, cursor: "401" });
    expect(newest.events.map((event: { id: number }) => event.id)).toEqual([402]);
    expect(newest.warning).toContain("is damaged");
    await Bun.sleep(2_500);
    expect(await health(bus)).toMatchObject({
      code: 503,
      reason: "storage_corrupt",
      since: told.since as string,
    });
    const { code, ms } = await end(bus);
    expect(code).toBe(0);
    const left = files.filter((name) => name !== "data.db.pid");
    expect(filesIn(folder)).toEqual(left);
    for (const [i, name] of files.entries())
      if (name === "data.db" || name === "data.db-wal")
        expect([name, sha256(join(folder, name))]).toEqual([name, sums[i] ?? ""]);
    await expectRefusal({ folder }, /is corrupt.*Restore a backup/);
    const log = readFileSync(join(folder, "bus.log"), "utf8").split("\n");
    expect(log.filter((line) => /takes no writes \(storage_corrupt\)/.test(line))).toHaveLength(1);
    expect(log.filter((line) => /unexpected/.test(line))).toEqual([]);
    console.log(
      `damage under a running bus (${kind}): 0 bytes written after it was found; ended ${ms.toFixed(0)} ms after SIGTERM`,
    );
  },
);

test("a database whose log of writes was deleted opens as it was when the log was last folded in", async () => {
  const folder = await ended();
  const path = join(folder, "data.db");
  const bus = await startBus("binary", { folder });
  expect(await bus.call("publish_event", { event_type: "t", payload: "p" })).toMatchObject({ event_id: 401 });
  await bus.kill();
  rmSync(`${path}-wal`);
  const next = await startBus("binary", { folder });
  const { events } = await next.call("get_events", { limit: 1_000 });
  expect(events.length).toBeGreaterThan(300);
  expect(events[0].id).toBe(400);
  expect(await next.stop()).toBe(0);
  expect(sqlite(path, "SELECT 1").query("PRAGMA integrity_check").values()).toEqual([["ok"]]);
  console.log("a deleted -wal: 400 of 401 events, integrity ok");
});

const nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
const canBeNobody = Bun.spawnSync([...nobody, process.execPath, "--version"]).exitCode === 0;
if (!canBeNobody) console.log("skipped: a database of another owner, only root can start a bus as nobody");

test.skipIf(!canBeNobody)("a database of another owner is refused", async () => {
  const folder = tempFolder();
  await current(join(folder, "data.db"));
  chmodSync(folder, 0o755);
  const env = { AGENT_EVENT_BUS_LOG: "/dev/null", AGENT_EVENT_BUS_ERR: "/dev/null" };
  const { ms } = await expectRefusal({ folder, env, inside: nobody }, /cannot be opened.*permission/i);
  expect(ms).toBeLessThan(WITHIN_MS);
  console.log(`another owner: refused in ${ms.toFixed(0)} ms`);
});
