import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { unfitness } from "../../src/sqlite/fitness.ts";
import { strayWal } from "../../src/sqlite/foreign_wal.ts";
import { damage, databaseWith } from "../support/admin.ts";
import { binary } from "../support/binary.ts";
import { type CliResult, cli } from "../support/cli.ts";
import { tempFolder } from "../support/folder.ts";
import { DATA, startAtHome } from "../support/home.ts";

/** A HOME whose bus was backed up with three events, went on to five, and was killed. */
async function backedUp() {
  const home = tempFolder();
  const data = join(home, DATA);
  const run = (...args: string[]): Promise<CliResult> =>
    cli(args, { kind: "binary", env: { HOME: home }, cwd: home });
  const bus = await startAtHome(home);
  for (let i = 0; i < 3; i++) await bus.call("publish_event", { event_type: "t", payload: `${i}` });
  const token = (await run("token", "create", "--name", "laptop", "--json")).json().token as string;
  writeFileSync(join(data, "settings.env"), "AGENT_EVENT_BUS_TOOLS=all\n", { mode: 0o600 });
  const backup = await run("backup", "backups/", "--json");
  expect([backup.stderr, backup.code]).toEqual(["", 0]);
  for (let i = 3; i < 5; i++) await bus.call("publish_event", { event_type: "t", payload: `${i}` });
  await bus.kill();
  const db = join(data, "data.db");
  return { home, data, db, run, token, folder: backup.json().folder as string, backup: backup.json() };
}

type Prepared = Awaited<ReturnType<typeof backedUp>>;

function payloads(db: string): string[] {
  const open = new Database(db);
  try {
    return open.query("SELECT payload FROM events ORDER BY id").values().flat() as string[];
  } finally {
    open.close();
  }
}

const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8);
const OLD = ["0", "1", "2", "3", "4"];
const NEW = ["0", "1", "2"];

test("backup DIR makes a dated folder with database, tokens and settings, for the owner only", async () => {
  const { home, folder, backup, run } = await backedUp();
  expect(folder).toMatch(/\/backups\/agent-event-bus-\d{4}-\d\d-\d\d-\d{6}$/);
  expect(backup).toMatchObject({ events: 3, tokens: 1, settings: true, file: join(folder, "data.db") });
  const found = readdirSync(folder, { recursive: true }) as string[];
  expect(found.sort()).toEqual(["data.db", "data.db.tokens", "data.db.tokens/laptop.json", "settings.env"]);
  const modes = ["", "data.db", "data.db.tokens", "data.db.tokens/laptop.json", "settings.env"];
  expect(modes.map((name) => modeOf(join(folder, name)))).toEqual(["700", "600", "700", "600", "600"]);
  const again = await run("backup", "backups");
  expect([again.code, again.stderr]).toEqual([0, ""]);
  expect(again.stdout).toMatch(
    /^~\/backups\/agent-event-bus-\S+: 5 events, 0 sessions, 0 webhooks, 1 token, settings\.env$/m,
  );
  expect(readdirSync(join(home, "backups"))).toHaveLength(2);
  const which = await run("restore", "backups");
  expect(which.stderr).toMatch(
    /holds several backups\. Give one of them, such as the newest: agent-event-bus restore \S+backups\/agent-event-bus-/,
  );
});

test("restore puts the backup back, keeps the database of before whole, and ids go on where none was given out", async () => {
  const { db, data, folder, run } = await backedUp();
  expect(statSync(`${db}-wal`).size).toBeGreaterThan(0);
  const done = await run("restore", folder, "--json");
  expect([done.stderr, done.code]).toEqual(["", 0]);
  const { kept, ...rest } = done.json();
  expect(rest).toMatchObject({ database: db, events: 3, tokens: { state: "left" }, settings: "left" });
  expect(kept).toMatch(/data\.db\.backup-before-restore-\d{4}-\d\d-\d\d-\d{6}$/);
  expect([payloads(db), payloads(kept)]).toEqual([NEW, OLD]);
  expect([modeOf(db), modeOf(kept)]).toEqual(["600", "600"]);
  expect(readdirSync(data).filter((name) => /restored|partial|\.new$|-wal/.test(name))).toEqual([]);
  const bus = await startAtHome(join(data, "../../.."));
  expect((await bus.call("publish_event", { event_type: "t", payload: "next" })).event_id).toBe(1_000_004);
  await bus.stop();
  const back = await run("restore", kept, "--json");
  expect(payloads(db)).toEqual(OLD);
  expect(back.json()).not.toHaveProperty("tokens");
  const last = await startAtHome(join(data, "../../.."));
  expect((await last.call("publish_event", { event_type: "t", payload: "x" })).event_id).toBeGreaterThan(
    1_000_004,
  );
  await last.stop();
});

test("a running bus has to be stopped first, by the command that the sentence names", async () => {
  const { db, home, folder, run } = await backedUp();
  writeFileSync(join(home, DATA, "settings.env"), "PORT=0\n", { mode: 0o600 });
  const bus = await startAtHome(home);
  const refused = await run("restore", folder);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toBe(
    `agent-event-bus: The bus runs (process ${bus.process.pid}), and a restore needs it stopped. First: agent-event-bus stop\n`,
  );
  const stopped = await run("stop", "--json");
  expect(stopped.json()).toMatchObject({ stopped: true, pid: bus.process.pid });
  expect(await bus.process.exited).toBe(0);
  expect((await run("restore", folder)).code).toBe(0);
  expect(payloads(db)).toEqual(NEW);
});

describe("tokens and settings", () => {
  test("come back to a machine that has none", async () => {
    const { home, data, folder, run } = await backedUp();
    rmSync(join(home, ".claude"), { recursive: true });
    const done = await run("restore", folder);
    expect([done.stderr, done.code]).toEqual(["", 0]);
    expect(done.stdout).toMatch(/^before +there was no database$/m);
    expect(done.stdout).toMatch(/^tokens +back: laptop$/m);
    expect(done.stdout).toMatch(/^settings +settings\.env is back$/m);
    expect(done.stdout).toEndWith("To start the bus: agent-event-bus start\n");
    expect(readFileSync(join(data, "settings.env"), "utf8")).toBe("AGENT_EVENT_BUS_TOOLS=all\n");
    const modes = ["", "data.db", "data.db.tokens", "data.db.tokens/laptop.json", "settings.env"];
    expect(modes.map((name) => modeOf(join(data, name)))).toEqual(["700", "600", "700", "600", "600"]);
    expect((await run("token", "list", "--json")).json()).toMatchObject([{ name: "laptop", state: "valid" }]);
  });

  test("an old copy of a token lets nobody in again who was shut out since", async () => {
    const { data, folder, run } = await backedUp();
    await run("token", "revoke", "laptop");
    writeFileSync(join(data, "settings.env"), "PORT=9999\n", { mode: 0o600 });
    const done = await run("restore", folder);
    expect(done.stdout).toMatch(/^tokens +those of this machine are as they were$/m);
    expect(done.stdout).toMatch(/^settings +settings\.env of this machine is as it was$/m);
    expect((await run("token", "list", "--json")).json()).toMatchObject([
      { name: "laptop", state: "revoked" },
    ]);
    expect(readFileSync(join(data, "settings.env"), "utf8")).toBe("PORT=9999\n");
  });

  test("the settings that come back name the database", async () => {
    const { home, folder, run } = await backedUp();
    const elsewhere = join(tempFolder(), "sub/events.db");
    writeFileSync(join(folder, "settings.env"), `AGENT_EVENT_BUS_DB=${elsewhere}\n`);
    rmSync(join(home, ".claude"), { recursive: true });
    expect((await run("restore", folder, "--json")).json()).toMatchObject({ database: elsewhere });
    expect(payloads(elsewhere)).toEqual(NEW);
  });
});

describe("nothing is changed", () => {
  const refuse = async (it: Prepared, from: string, says: RegExp) => {
    const { code, stdout, stderr } = await it.run("restore", from);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(says);
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(payloads(it.db)).toEqual(OLD);
    expect(readdirSync(it.data).filter((name) => /restored|partial|before-restore/.test(name))).toEqual([]);
  };

  test("for a backup that is missing, damaged, of another program, or the database itself", async () => {
    const it = await backedUp();
    await refuse(it, join(it.home, "none"), /There is no backup at /);
    await refuse(it, it.db, /is the bus's database already\. Give a backup\.$/m);
    const bad = await databaseWith(3_000, tempFolder());
    damage(bad);
    await refuse(it, bad, /data\.db cannot be restored: .* Nothing was changed\.$/m);
    const text = join(it.home, "text");
    writeFileSync(text, "no database");
    await refuse(it, text, /text cannot be restored: .* Nothing was changed\.$/m);
    mkdirSync(join(it.home, "empty"));
    await refuse(it, join(it.home, "empty"), /There is no backup in .*empty: no data\.db is there\.$/m);
  });
});

test("a database that is damaged, or not one, is kept with its log of writes", async () => {
  const { db, folder, run } = await backedUp();
  writeFileSync(db, "rubbish".repeat(1_000));
  const wal = readFileSync(`${db}-wal`);
  const { kept } = (await run("restore", folder, "--json")).json();
  expect(readFileSync(kept, "utf8").slice(0, 7)).toBe("rubbish");
  expect(readFileSync(`${kept}-wal`).equals(wal)).toBe(true);
  expect(payloads(db)).toEqual(NEW);
  expect(existsSync(`${db}-wal`) && statSync(`${db}-wal`).size > 0).toBe(false);
});

test("killed at any point, the database is the one before or the backup, and never half of both", async () => {
  const it = await backedUp();
  const original = join(tempFolder(), "data");
  rmSync(join(it.data, readdirSync(it.data).find((name) => name.endsWith(".sock")) ?? "none"), {
    force: true,
  });
  cpSync(it.data, original, { recursive: true, preserveTimestamps: true });
  const outcomes: Record<string, number> = { before: 0, backup: 0 };
  const began = performance.now();
  await it.run("restore", it.folder);
  const whole = performance.now() - began;
  const ROUNDS = 80;
  for (let round = 0; round < ROUNDS; round++) {
    rmSync(it.data, { recursive: true });
    cpSync(original, it.data, { recursive: true, preserveTimestamps: true });
    chmodSync(it.data, 0o700);
    const child = Bun.spawn([binary, "restore", it.folder], {
      env: { HOME: it.home },
      stdio: ["ignore", "ignore", "ignore"],
    });
    await Promise.race([child.exited, Bun.sleep((3 * whole * (round + 1)) / ROUNDS)]);
    child.kill("SIGKILL");
    await child.exited;
    expect([unfitness(it.db), strayWal(it.db)]).toEqual([null, null]);
    const copy = join(tempFolder(), "data.db");
    for (const end of ["", "-wal"]) if (existsSync(it.db + end)) copyFileSync(it.db + end, copy + end);
    const found = payloads(copy);
    expect([OLD, NEW]).toContainEqual(found);
    const name = found.length === OLD.length ? "before" : "backup";
    outcomes[name] = (outcomes[name] ?? 0) + 1;
    if (name === "backup") {
      const kept = readdirSync(it.data).find((one) => /before-restore-[\d-]+$/.test(one)) ?? "";
      expect(payloads(join(it.data, kept))).toEqual(OLD);
    }
  }
  const done = await it.run("restore", it.folder);
  expect([done.code, payloads(it.db)]).toEqual([0, NEW]);
  expect(readdirSync(it.data).filter((name) => /restored|partial|\.new$/.test(name))).toEqual([]);
  console.log(`killed ${ROUNDS} times within ${Math.round(3 * whole)} ms: ${JSON.stringify(outcomes)}`);
  expect(Object.values(outcomes).every((times) => times > 0)).toBe(true);
}, 120_000);
