import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { onFiles } from "../support/admin.ts";
import { type Kind, type ProcessBus, startBus } from "../support/bus.ts";
import { canMount, smallDisk } from "../support/disk.ts";
import { tempFolder } from "../support/folder.ts";
import { end, health, healthIs } from "../support/process.ts";
import { callTool } from "../support/rpc.ts";
import { serveUntilExit, sha256, sqlite } from "../support/serve.ts";

/** A bus in a folder of its own within another one, so that the folder can be moved; the bus has stored some events. */
async function running(kind: Kind = "binary"): Promise<ProcessBus> {
  const folder = join(tempFolder(), "data");
  mkdirSync(folder);
  const logs = tempFolder();
  const env = { AGENT_EVENT_BUS_LOG: join(logs, "log"), AGENT_EVENT_BUS_ERR: join(logs, "err") };
  const bus = await startBus(kind, { folder, env });
  for (let i = 0; i < 20; i++) expect(await publish(bus)).toBe(i + 1);
  return bus;
}

/** The event's id, or what the bus says. */
async function publish(bus: ProcessBus): Promise<number | string> {
  const result = await callTool(bus.url, "publish_event", { event_type: "t", payload: "p" });
  return result.isError ? result.content[0].text : result.structuredContent.event_id;
}

function countIn(path: string): number {
  const db = new Database(path, { readonly: true });
  try {
    return db.query<{ n: number }, []>("SELECT count(*) AS n FROM events").get()?.n ?? 0;
  } finally {
    db.close(true);
  }
}

/** What the bus writes when it ends without a file. */
function rescued(folder: string): string {
  const names = readdirSync(folder).filter((name) => name.startsWith("data.db.backup-rescued-"));
  expect(names).toHaveLength(1);
  return join(folder, names[0] ?? "");
}

interface Deed {
  what: string;
  does(bus: ProcessBus): unknown;
  says: RegExp;
  /** The database that holds everything after the bus has ended. */
  keeps(bus: ProcessBus): string;
}

const moved = (bus: ProcessBus) => `${bus.folder}-moved`;

const DEEDS: readonly Deed[] = [
  {
    what: "the database is deleted",
    does: (bus) => rmSync(bus.db),
    says: /data\.db was deleted while the bus was running\. Nothing was stored\. Stop the bus/,
    keeps: (bus) => rescued(bus.folder),
  },
  {
    what: "the database and the files beside it are deleted",
    does: (bus) => {
      const names = readdirSync(bus.folder).filter((name) => name.startsWith("data.db"));
      for (const name of names) rmSync(join(bus.folder, name), { recursive: true });
    },
    says: /data\.db was deleted while the bus was running/,
    keeps: (bus) => rescued(bus.folder),
  },
  {
    what: "the folder is deleted",
    does: (bus) => rmSync(bus.folder, { recursive: true }),
    says: /data\.db was deleted while the bus was running/,
    keeps: (bus) => rescued(bus.folder),
  },
  {
    what: "another file takes its place",
    does: (bus) => {
      writeFileSync(join(bus.folder, "other"), "");
      renameSync(join(bus.folder, "other"), bus.db);
    },
    says: /data\.db was replaced by another file while the bus was running/,
    keeps: (bus) => rescued(bus.folder),
  },
  {
    what: "the folder is moved",
    does: (bus) => renameSync(bus.folder, moved(bus)),
    says: /data\.db was moved away while the bus was running.*Put it back.*There is no need to restart/,
    keeps: (bus) => join(moved(bus), "data.db"),
  },
  {
    what: "the database alone is moved",
    does: (bus) => renameSync(bus.db, `${bus.db}.old`),
    says: /data\.db was moved away while the bus was running/,
    keeps: (bus) => `${bus.db}.old`,
  },
  {
    what: "the log of writes is deleted",
    does: (bus) => rmSync(`${bus.db}-wal`),
    says: /data\.db-wal was removed or replaced.*Earlier data is in .*data\.db. Restart the bus/,
    keeps: (bus) => bus.db,
  },
  {
    what: "another log of writes takes its place",
    does: (bus) => {
      copyFileSync(`${bus.db}-wal`, join(bus.folder, "other"));
      renameSync(join(bus.folder, "other"), `${bus.db}-wal`);
    },
    says: /data\.db-wal was removed or replaced/,
    keeps: (bus) => bus.db,
  },
  {
    what: "the index of the log of writes is deleted",
    does: (bus) => rmSync(`${bus.db}-shm`),
    says: /data\.db-shm was removed or replaced/,
    keeps: (bus) => bus.db,
  },
];

describe("nothing more is acknowledged, and nothing acknowledged is lost, when", () => {
  test.each(DEEDS)("$what", async ({ does, says, keeps }) => {
    const bus = await running();
    await does(bus);
    expect(await publish(bus)).toMatch(says);
    expect(await health(bus)).toMatchObject({ code: 503, status: "degraded", reason: "storage_failed" });
    expect((await bus.call("get_events", { limit: 100 })).events).toHaveLength(20);
    expect((await end(bus)).code).toBe(0);
    const kept = keeps(bus);
    expect(statSync(kept).mode & 0o777).toBe(0o600);
    expect(countIn(kept)).toBe(20);
    // As the sentence says: in its place again, the bus goes on with it.
    if (!existsSync(bus.folder)) mkdirSync(bus.folder);
    if (kept !== bus.db) {
      rmSync(bus.db, { force: true });
      renameSync(kept, bus.db);
    }
    const next = await startBus("binary", { folder: bus.folder });
    expect(await publish(next)).toBe(21);
    await next.stop();
  });

  test.each(DEEDS)("$what, told within seconds when nothing is written", async ({ does, says }) => {
    const bus = await running();
    await does(bus);
    await healthIs(bus, 503);
    expect((await health(bus)).detail).toMatch(says);
    expect(await publish(bus)).toMatch(says);
  });

  test("its log of writes is deleted and the bus is killed: what the log held is in the database already", async () => {
    const bus = await running();
    rmSync(`${bus.db}-wal`);
    await healthIs(bus, 503);
    await bus.kill();
    expect(countIn(bus.db)).toBe(20);
  });
});

test("a bus whose database was deleted does not start anew beside what the last one rescued", async () => {
  const bus = await running();
  rmSync(bus.db);
  await healthIs(bus, 503);
  await end(bus);
  const ended = await serveUntilExit({ folder: bus.folder, args: ["--port", "0", "--db", bus.db] });
  expect([ended.code, ended.stderr]).toEqual([1, expect.stringContaining("holds its data")]);
  const repair = /Run: (mv \S+ \S+)/.exec(ended.stderr)?.[1] ?? "exit 9";
  expect(Bun.spawnSync(["sh", "-c", repair]).exitCode).toBe(0);
  const next = await startBus("binary", { folder: bus.folder });
  expect(await publish(next)).toBe(21);
  await next.stop();
});

test("a folder that is put back ends the trouble without a restart, and loses nothing", async () => {
  const bus = await running();
  renameSync(bus.folder, moved(bus));
  await healthIs(bus, 503);
  expect(await publish(bus)).toMatch(/moved away/);
  renameSync(moved(bus), bus.folder);
  await healthIs(bus, 200);
  expect(await publish(bus)).toBe(21);
  await bus.kill();
  expect(countIn(bus.db)).toBe(21);
});

test("a backup that is copied over the database of a running bus ends all writing, and is left as it is", async () => {
  const bus = await running();
  const copy = join(tempFolder(), "copy.db");
  expect((await onFiles("backup", copy, "--db", bus.db)).code).toBe(0);
  expect(await publish(bus)).toBe(21);
  copyFileSync(copy, bus.db);
  expect(await publish(bus)).toMatch(
    /data\.db is damaged \(another program overwrote it\).*The bus no longer writes to it/,
  );
  expect(await health(bus)).toMatchObject({ code: 503, reason: "storage_corrupt" });
  for (const name of ["data.db-wal", "data.db-shm"]) rmSync(join(bus.folder, name));
  expect((await end(bus)).code).toBe(0);
  expect(sha256(bus.db)).toBe(sha256(copy));
});

test("what another program does to the database by SQLite is no reason to stop", async () => {
  const bus = await running();
  const other = sqlite(bus.db, "UPDATE events SET payload = 'changed'; PRAGMA wal_checkpoint(TRUNCATE);");
  other.run("DELETE FROM events WHERE id < 10; VACUUM; PRAGMA wal_checkpoint(TRUNCATE);");
  other.close(true);
  expect(await publish(bus)).toBe(21);
  expect(await health(bus)).toMatchObject({ code: 200 });
  expect((await end(bus)).code).toBe(0);
});

test.each(["binary", "node"] as const)(
  "a database that took the place of the bus's keeps its own log of writes when the bus ends (%s)",
  async (kind) => {
    const bus = await running(kind);
    const other = await running();
    await other.kill();
    const names = ["data.db", "data.db-wal"];
    for (const name of [...names, "data.db-shm"]) {
      rmSync(join(bus.folder, name));
      if (name !== "data.db-shm") renameSync(join(other.folder, name), join(bus.folder, name));
    }
    const sums = names.map((name) => sha256(join(bus.folder, name)));
    expect(await publish(bus)).toMatch(/replaced by another file/);
    expect((await end(bus)).code).toBe(0);
    expect(names.map((name) => sha256(join(bus.folder, name)))).toEqual(sums);
    expect(countIn(rescued(bus.folder))).toBe(20);
    expect(countIn(bus.db)).toBe(20);
  },
);

if (!canMount) console.log("skipped: a mount over the database, unshare -rm cannot mount here");

test.skipIf(!canMount)("what is mounted over the database's folder is trouble until it is gone", async () => {
  const disk = await smallDisk(64 * 1024 * 1024);
  const folder = join(disk.folder, "data");
  // Outside too: the bus's own process is started from there.
  mkdirSync(folder);
  disk.run(`mkdir ${folder}`);
  const env = { AGENT_EVENT_BUS_LOG: "/dev/null", AGENT_EVENT_BUS_ERR: "/dev/null" };
  const bus = await startBus("binary", { folder, inside: disk.inside, env });
  expect(await publish(bus)).toBe(1);
  disk.run(`mount -t tmpfs tmpfs ${folder}`);
  expect(await publish(bus)).toMatch(/moved away/);
  disk.run(`umount ${folder}`);
  await healthIs(bus, 200);
  expect(await publish(bus)).toBe(2);
  expect((await end(bus)).code).toBe(0);
});
