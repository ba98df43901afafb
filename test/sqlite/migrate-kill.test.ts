import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { copyFileSync, existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { SCHEMA_VERSION } from "../../src/sqlite/schema.ts";
import { programOf, startBus } from "../support/bus.ts";
import { tempFolder } from "../support/folder.ts";
import { moments, writeOriginal } from "../support/original.ts";

const EVENTS = 200_000;
const CHAINS = 10;
const PHASES = ["anywhere", "backup", "migration"] as const;

function large(path: string): void {
  writeOriginal(path, 5, "UTC", moments(500));
  const db = new Database(path);
  db.run(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${EVENTS})
    INSERT INTO events (event_type, payload, session_id, timestamp, channel)
    SELECT 'type' || (i % 50), 'payload ' || i, 'client-' || (i % 40),
      strftime('%Y-%m-%dT%H:%M:%S', 1700000000 + i * 61, 'unixepoch') || '.123456', 'repo:' || (i % 20) FROM n`);
  db.run("PRAGMA wal_checkpoint(TRUNCATE)");
  db.close(true);
}

type Phase = (typeof PHASES)[number];
type Seen = "before the backup" | "in the backup" | "in the migration" | "after it";

/** Starts the bus, kills it at a random moment of the phase, and says what it was at. */
async function killAt(folder: string, phase: Phase, span: number): Promise<Seen> {
  const path = join(folder, "data.db");
  const had = backups(folder).length;
  const child = Bun.spawn([...(await programOf("binary")), "serve", "--port", "0", "--db", path], {
    cwd: folder,
    stdout: "ignore",
    stderr: "ignore",
    env: { PATH: process.env.PATH ?? "", HOME: folder, TZ: "America/New_York" },
  });
  const partial = () => readdirSync(folder).some((name) => name.endsWith(".partial"));
  const reached = {
    anywhere: () => true,
    backup: () => partial() || backups(folder).length > had,
    migration: () => backups(folder).length > had,
  }[phase];
  while (!reached() && child.exitCode === null) await Bun.sleep(1);
  await Bun.sleep(Math.random() * span);
  child.kill("SIGKILL");
  await child.exited;
  if (versionOf(path) === SCHEMA_VERSION) return "after it";
  if (backups(folder).length > had) return "in the migration";
  return partial() ? "in the backup" : "before the backup";
}

function backups(folder: string): string[] {
  return readdirSync(folder).filter((name) => /\.backup-v5-[\d-]+$/.test(name));
}

// Reads only: the next start finds what the killed one left.
function versionOf(path: string): number {
  const db = new Database(path, { readonly: true });
  try {
    return (db.query("SELECT max(version) AS version FROM schema_version").get() as { version: number })
      .version;
  } finally {
    db.close(true);
  }
}

/** Rows that only one of two databases has, or that differ; */
function differences(path: string, other: string): number {
  const db = new Database(path);
  const count = (sql: string) => Number(db.query(sql).values()[0]?.[0]);
  try {
    db.run("ATTACH ? AS other", [other]);
    return ["events", "sessions", "webhooks"].reduce((sum, table) => {
      // How deliveries went is no part of what is taken over: the event published here goes to webhooks too.
      const delivery = /^(last_success|last_failure|last_error|failing_since)$/;
      const columns = db
        .query(`SELECT name FROM pragma_table_info('${table}')`)
        .values()
        .flat()
        .filter((column) => !delivery.test(String(column)));
      const same = columns.map((column) => `a.${column} IS b.${column}`).join(" AND ");
      const equal = count(
        `SELECT count(*) FROM main.${table} a JOIN other.${table} b USING (id) WHERE ${same}`,
      );
      const both = count(
        `SELECT (SELECT count(*) FROM main.${table}) + (SELECT count(*) FROM other.${table})`,
      );
      return sum + both - 2 * equal;
    }, 0);
  } finally {
    db.close(true);
  }
}

test("a bus killed anywhere in the take-over of a large database completes it at a later start, with everything kept", async () => {
  const template = join(tempFolder(), "data.db");
  large(template);
  const undisturbed = await migrate(template);
  const kills: Record<Seen, number> = {
    "before the backup": 0,
    "in the backup": 0,
    "in the migration": 0,
    "after it": 0,
  };
  for (let chain = 0; chain < CHAINS; chain++) {
    const folder = tempFolder();
    const path = join(folder, "data.db");
    copyFileSync(template, path);
    for (let kill = 0, seen: Seen | undefined; kill < 6 && seen !== "after it"; kill++) {
      const phase = PHASES[(chain + kill) % PHASES.length] as Phase;
      const span = { anywhere: undisturbed.ms, backup: 150, migration: undisturbed.migrationMs }[phase];
      seen = await killAt(folder, phase, span);
      kills[seen]++;
    }
    const bus = await startBus("binary", { folder, env: { TZ: "America/New_York" } });
    expect(await bus.call("publish_event", { event_type: "t", payload: "" })).toMatchObject({
      event_id: undisturbed.nextId,
    });
    expect(await bus.stop()).toBe(0);
    expect(integrity(path)).toBe("ok");
    dropEvent(path, undisturbed.nextId);
    expect(differences(path, undisturbed.path)).toBe(0);
    for (const backup of backups(folder)) expect(differences(join(folder, backup), template)).toBe(0);
    expect(backups(folder).length).toBeGreaterThan(0);
    rmSync(folder, { recursive: true });
  }
  console.log(
    `${EVENTS} events, ${CHAINS} take-overs, kill -9 by phase: ${JSON.stringify(kills)}; 0 rows differ`,
  );
  expect(kills["in the backup"]).toBeGreaterThan(0);
  expect(kills["in the migration"]).toBeGreaterThan(0);
}, 400_000);

async function migrate(template: string) {
  const folder = tempFolder();
  const path = join(folder, "data.db");
  copyFileSync(template, path);
  const began = performance.now();
  const starting = startBus("binary", { folder, env: { TZ: "America/New_York" } });
  while (backups(folder).length === 0) await Bun.sleep(1);
  const backedUp = performance.now();
  const bus = await starting;
  const ready = performance.now();
  const { event_id } = await bus.call("publish_event", { event_type: "t", payload: "" });
  await bus.stop();
  dropEvent(path, event_id);
  const times = { ms: ready - began, migrationMs: ready - backedUp };
  console.log(
    `undisturbed: ready in ${times.ms.toFixed(0)} ms, ${times.migrationMs.toFixed(0)} of them migrating`,
  );
  expect(existsSync(`${path}-journal`)).toBe(false);
  return { path, nextId: event_id, ...times };
}

function dropEvent(path: string, id: number): void {
  const db = new Database(path);
  db.run("DELETE FROM events WHERE id = ?", [id]);
  db.run("DELETE FROM deliveries WHERE event_id = ?", [id]);
  db.close(true);
}

function integrity(path: string): string {
  const db = new Database(path);
  try {
    return (db.query("PRAGMA integrity_check").get() as { integrity_check: string }).integrity_check;
  } finally {
    db.close(true);
  }
}
