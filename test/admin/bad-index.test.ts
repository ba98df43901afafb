import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { dirname } from "node:path";
import { damage, damageIndex, databaseWith, onFiles } from "../support/admin.ts";
import { startBus } from "../support/bus.ts";
import { sha256 } from "../support/serve.ts";

const FOUND =
  /^BAD {2}integrity {4}an index is damaged, and all data is whole \(row \d+ missing from index events_by_type\)$/m;
const events = (path: string) => {
  const db = new Database(path, { readonly: true });
  const rows = db.query("SELECT id, event_type, payload, timestamp FROM events ORDER BY id").all();
  db.close(true);
  return rows;
};

test("check finds a damaged index, and its commands build it anew and lose nothing", async () => {
  const db = await databaseWith(50);
  damageIndex(db);
  const [before, sum] = [events(db), sha256(db)];
  const checked = await onFiles("check", "--db", db);
  expect([checked.code, checked.stdout]).toEqual([1, expect.stringMatching(FOUND)]);
  expect(sha256(db)).toBe(sum);
  const [, line = ""] = /Run: (.+)$/m.exec(checked.stdout) ?? [];
  const commands = line.split(" && ").map((one) => one.replace("agent-event-bus ", ""));
  expect(commands.map((one) => one.split(" ")[0])).toEqual(["stop", "backup", "restore", "start"]);
  for (const command of commands.slice(1, 3))
    expect(await onFiles(command)).toMatchObject({ code: 0, stderr: "" });
  expect((await onFiles("check", "--db", db)).stdout).toContain("integrity    ok");
  expect(events(db)).toEqual(before);
  const kept = readdirSync(dirname(db)).filter((name) => name.startsWith("data.db.backup-before-restore-"));
  expect(kept).toHaveLength(1);
});

test("backup says that it built an index anew, and a bus serves such a database", async () => {
  const db = await databaseWith(50);
  damageIndex(db);
  const ran = await onFiles("backup", `${db}.copy`, "--db", db);
  expect([ran.code, ran.stdout]).toEqual([
    0,
    expect.stringContaining("integrity ok, damaged indexes were built anew in it"),
  ]);
  expect((await onFiles("backup", `${db}.second`, "--db", db, "--json")).json()).toMatchObject({
    indexes_rebuilt: true,
  });
  const bus = await startBus("binary", { folder: dirname(db) });
  expect((await bus.call("get_events", { limit: 100 })).events).toHaveLength(50);
  expect(await bus.stop()).toBe(0);
});

test("where a table is damaged too, only a backup helps", async () => {
  const db = await databaseWith(200);
  damageIndex(db);
  damage(db);
  const { stdout } = await onFiles("check", "--db", db);
  expect(stdout).toMatch(/BAD {2}integrity +damaged/);
  expect(stdout).toContain("agent-event-bus restore FILE");
  expect(await onFiles("backup", `${db}.copy`, "--db", db)).toMatchObject({ code: 1, stdout: "" });
});
