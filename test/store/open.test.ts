import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { closeSync, mkdirSync, openSync, statSync, truncateSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { startBus, startHere } from "../support/bus.ts";
import { tempFolder } from "../support/folder.ts";
import { moments, writeOriginal } from "../support/original.ts";
import {
  type Ended,
  filesIn,
  lockElsewhere,
  type ServeOptions,
  serveUntilExit,
  sha256,
} from "../support/serve.ts";

const WITHIN_MS = 2_000;

function sqlite(path: string, sql: string): Database {
  const db = new Database(path, { create: true });
  db.run(sql);
  return db;
}

function foreign(sql: string): (path: string) => void {
  return (path) => sqlite(path, sql).close(true);
}

/** A current database with some hundred pages. */
async function current(path: string): Promise<void> {
  const bus = await startHere({ folder: join(path, "..") });
  await Promise.all(
    Array.from({ length: 400 }, (_, i) =>
      bus.call("publish_event", { event_type: "t", payload: `${i} `.repeat(500) }),
    ),
  );
  await bus.stop();
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
      sqlite(path, "UPDATE schema_version SET version = 7").close(true);
    },
    says: /schema version 7.*up to 6.*Install the newer release/,
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

/** Runs `serve` on the database and checks what every refusal has in common. */
async function expectRefusal(options: ServeOptions, says: RegExp): Promise<Ended> {
  const path = join(options.folder, "data.db");
  const before = sha256(path);
  const ended = await serveUntilExit({ ...options, args: ["--port", "0", "--db", path] });
  expect(ended.stderr).toMatch(says);
  expect(ended.stderr).toContain(path);
  expect(ended.stderr.trim().split("\n")).toHaveLength(1);
  expect(ended.stdout).toBe("");
  expect(ended.code).toBe(1);
  expect(sha256(path)).toBe(before);
  return ended;
}

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

const mount = Bun.spawnSync(["unshare", "-rm", "sh", "-c", "mount -t tmpfs tmpfs /mnt"]).exitCode === 0;
if (!mount) console.log("skipped: read-only file system, unshare -rm cannot mount here");

describe.skipIf(!mount)("on a read-only file system", () => {
  const readOnly = (folder: string, prepare: string) => [
    ...["unshare", "-rm", "sh", "-c"],
    `cp -a ${folder}/. /mnt && mount -t tmpfs tmpfs ${folder} && cp -a /mnt/. ${folder} && ${prepare} mount -o remount,ro ${folder} && exec "$@"`,
    "sh",
  ];
  const log = { AGENT_EVENT_BUS_LOG: "/dev/null", AGENT_EVENT_BUS_ERR: "/dev/null" };
  const says = /cannot be (written|opened).*read-only/;

  test("a database of ours is refused", async () => {
    const folder = tempFolder();
    await current(join(folder, "data.db"));
    const { ms } = await expectRefusal({ folder, env: log, inside: readOnly(folder, "") }, says);
    expect(ms).toBeLessThan(WITHIN_MS);
  });

  test("a database of ours without its lock file is refused", async () => {
    const folder = tempFolder();
    await current(join(folder, "data.db"));
    await expectRefusal({ folder, env: log, inside: readOnly(folder, `rm ${folder}/data.db.lock;`) }, says);
  });
});
