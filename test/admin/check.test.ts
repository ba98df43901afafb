import { describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, readdirSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { isNetwork } from "../../src/admin/check.ts";
import { SCHEMA_VERSION } from "../../src/sqlite/schema.ts";
import { canMount, damage, databaseWith, inNamespace, onFiles } from "../support/admin.ts";
import { startBus } from "../support/bus.ts";
import { cli } from "../support/cli.ts";
import { tempFolder } from "../support/folder.ts";
import { DATA, openHome } from "../support/home.ts";
import { moments, writeOriginal } from "../support/original.ts";
import { filesIn, lockElsewhere, sha256, sqlite } from "../support/serve.ts";

if (!canMount) console.log("skipped: little free space, unshare -rm cannot mount here");

const ALL = ["integrity", "schema", "contents", "size", "free space", "file system", "permissions", "tokens"];

interface Finding {
  what: string;
  ok: boolean;
  found: string;
  repair?: string;
}

describe("all is well", () => {
  test("beside a running bus, after it was killed and after it stopped, and nothing changes", async () => {
    const bus = await startBus("binary");
    await bus.call("publish_event", { event_type: "t", payload: "x" });
    await bus.call("register_webhook", { url: "http://127.0.0.1:9/" });
    await bus.call("publish_event", { event_type: "t", payload: "y" });
    const files = () => [bus.db, `${bus.db}-wal`].map((file) => `${basename(file)} ${sha256(file)}`);
    const expectWell = async () => {
      const ran = await onFiles("check", "--db", bus.db);
      expect(ran.stderr).toBe("");
      expect(ran.code).toBe(0);
      expect(
        ran.stdout
          .trim()
          .split("\n")
          .map((line) => /^ok {2}(\w+(?: \w+)?) {2,}\S/.exec(line)?.[1]),
      ).toEqual(ALL);
      expect(ran.stdout).toMatch(/2 events, 0 sessions, 1 webhook, 1 deliver\w+ pending/);
    };
    const running = files();
    await expectWell();
    expect(files().slice(0, 1)).toEqual(running.slice(0, 1));
    await bus.kill();
    const killed = files();
    await expectWell();
    expect(files()).toEqual(killed);
    expect(await (await startBus("binary", { folder: bus.folder })).stop()).toBe(0);
    const stopped = filesIn(bus.folder);
    const sum = sha256(bus.db);
    await expectWell();
    expect(sha256(bus.db)).toBe(sum);

    // A reader leaves an empty log of writes and its index. The next bus uses them, and removes them at its end.
    expect(filesIn(bus.folder)).toEqual([...stopped, "data.db-shm", "data.db-wal"].sort());
    expect(statSync(`${bus.db}-wal`).size).toBe(0);
    expect([bus.db, `${bus.db}-wal`, `${bus.db}-shm`].map((file) => statSync(file).mode & 0o777)).toEqual([
      0o600, 0o600, 0o600,
    ]);
    expect(await (await startBus("binary", { folder: bus.folder })).stop()).toBe(0);
    expect(filesIn(bus.folder)).toEqual(stopped);
  });

  test("a database that the original left is fine too", async () => {
    const db = join(tempFolder(), "data.db");
    writeOriginal(db, 5, "UTC", moments(50));
    chmodSync(db, 0o600);
    const ran = await onFiles("check", "--db", db);
    expect([ran.code, ran.stdout]).toEqual([
      0,
      expect.stringMatching(/ok +schema +version 5, supported up to \d+/),
    ]);
  });

  test("--json prints one document with every finding", async () => {
    const db = await databaseWith(3);
    const document = (await onFiles("check", "--db", db, "--json")).json();
    expect(document).toEqual({
      database: db,
      checks: ALL.map((what) => ({ what, ok: true, found: expect.any(String) })),
    });
    expect(document.checks[2].found).toBe("3 events, 0 sessions, 0 webhooks, 0 deliveries pending");
    expect(document.checks[3].found).toMatch(/^database \d+\.\d kB, write-ahead log 0 B$/);
  });
});

interface Problem {
  what: string;
  prepare(db: string): unknown;
  finding: string;
  found: RegExp;
  repair: RegExp;
}

const PROBLEMS: Problem[] = [
  {
    what: "damaged pages",
    prepare: damage,
    finding: "integrity",
    found: /^damaged \(\S.*\)$/,
    repair: /^run: agent-event-bus stop, then with a backup of \S+data\.db: agent-event-bus restore FILE$/,
  },
  {
    what: "a file cut in half",
    prepare: (db) => truncateSync(db, Math.floor(statSync(db).size / 2)),
    finding: "integrity",
    found: /^damaged \(\S.*\)$/,
    repair: /^run: agent-event-bus stop, then with a backup/,
  },
  {
    what: "no database",
    prepare: (db) => writeFileSync(db, "text ".repeat(1_000)),
    finding: "integrity",
    found: /^not an SQLite database$/,
    repair: /^name the bus's database with --db, or run: agent-event-bus stop, then with a backup/,
  },
  {
    what: "the database of another program",
    prepare: (db) => sqlite(db, "DROP TABLE events").close(true),
    finding: "schema",
    found: /^not a database of a bus$/,
    repair: /^name the bus's database with --db/,
  },
  {
    what: "a newer schema",
    prepare: (db) => sqlite(db, `UPDATE schema_version SET version = ${SCHEMA_VERSION + 1}`).close(true),
    finding: "schema",
    found: new RegExp(`^version ${SCHEMA_VERSION + 1}, supported up to ${SCHEMA_VERSION}$`),
    repair: /^install the newer release that wrote it$/,
  },
  {
    what: "a lock of another program",
    prepare: (db) =>
      lockElsewhere(db, "PRAGMA locking_mode = EXCLUSIVE; BEGIN IMMEDIATE; DELETE FROM events"),
    finding: "integrity",
    found: /^locked by another program$/,
    repair: /^end that program, or try again later$/,
  },
  {
    what: "broken token files",
    prepare(db) {
      mkdirSync(join(`${db}.tokens`, "folder.json"), { recursive: true, mode: 0o700 });
      chmodSync(`${db}.tokens`, 0o700);
      writeFileSync(join(`${db}.tokens`, "half.json"), '{"name": "ha', { mode: 0o600 });
    },
    finding: "tokens",
    found: /^not token files: \S+\/folder\.json, \S+\/half\.json$/,
    repair: /^remove these files and create the tokens again \(token create\)$/,
  },
];

test.each(PROBLEMS)("$what is found: exit code 1, the table and what to do, as JSON too", async (problem) => {
  const db = await databaseWith(2_000);
  await problem.prepare(db);
  const shown = await onFiles("check", "--db", db);
  expect(shown.code).toBe(1);
  const bad = shown.stdout.split("\n").filter((line) => line.startsWith("BAD"));
  expect(bad).toHaveLength(1);
  expect(bad[0]).toStartWith(`BAD  ${problem.finding} `);
  const [, repair = ""] = shown.stdout.split("To repair this:\n  ");
  expect(repair.trim()).toMatch(problem.repair);
  expect(shown.stderr).toMatch(/^agent-event-bus: 1 of \d checks found a problem\.\n$/);

  const json = await onFiles("check", "--db", db, "--json");
  expect(json.code).toBe(1);
  const { error, checks } = json.json();
  expect(error).toBe(shown.stderr.replace("agent-event-bus: ", "").trim());
  expect(checks.filter(({ ok }: Finding) => !ok)).toEqual([
    {
      what: problem.finding,
      ok: false,
      found: expect.stringMatching(problem.found),
      repair: expect.stringMatching(problem.repair),
    },
  ]);
});

test("a missing database is an error, and is not created", async () => {
  const folder = tempFolder();
  const ran = await onFiles("check", "--db", join(folder, "data.db"));
  expect([ran.code, ran.stdout]).toEqual([1, ""]);
  expect(ran.stderr).toMatch(
    /^agent-event-bus: There is no database at \S+\. Name the bus's database with --db or AGENT_EVENT_BUS_DB\.\n$/,
  );
  const json = await onFiles("check", "--db", folder, "--json");
  expect([json.code, json.json()]).toEqual([
    1,
    { error: expect.stringContaining("is a folder, not a file") },
  ]);
  expect(readdirSync(folder)).toEqual([]);
});

describe("wide modes", () => {
  test("of each kind of file are found, and the command that is printed repairs them", async () => {
    const home = await openHome(join(tempFolder(), 'it\'s a "home"'));
    const data = join(home, DATA);
    // A socket holds nothing, and its folder keeps others away from it.
    const files = (readdirSync(data, { recursive: true }) as string[]).filter((name) => !/sock$/.test(name));
    const names = ["", ...files];
    const run = () => cli(["check"], { kind: "binary", env: { HOME: home } });
    const all = await run();
    expect(names).toHaveLength(17);
    for (const name of names) expect(all.stdout).toMatch(`${join(data, name)} has mode `);
    const repairOf = (stdout: string) => /To repair this:\n {2}(.*)\n$/.exec(stdout)?.[1] ?? "exit 9";
    expect(Bun.spawnSync(["sh", "-c", repairOf(all.stdout)]).exitCode).toBe(0);
    expect((await run()).code).toBe(0);

    for (const name of names) {
      const path = join(data, name);
      const right = statSync(path).mode & 0o777;
      chmodSync(path, right | 0o004);
      const one = await run();
      expect([one.code, one.stdout]).toEqual([
        1,
        expect.stringContaining(`${path} has mode ${(right | 4).toString(8)}\n`),
      ]);
      expect(Bun.spawnSync(["sh", "-c", repairOf(one.stdout)]).exitCode).toBe(0);
      expect(statSync(path).mode & 0o777).toBe(right);
    }
  });
});

test.skipIf(!canMount)("little free space is found", async () => {
  const db = await databaseWith(3);
  mkdirSync(join(db, "../small"));
  const shown = inNamespace(
    `mount -t tmpfs -o size=32m,mode=700 tmpfs small && cp -a data.db small && "$0" check --db small/data.db; echo "code $?"`,
    join(db, ".."),
  );
  expect(shown).toMatch(/BAD +free space +3\d\.\d MB\n/);
  expect(shown).toMatch(/To repair this:\n {2}free some space on the disk of \S+\/small\n/);
  expect(shown).toContain("code 1\n");
});

test.each([
  ["NFS", 0x6969, true],
  ["SMB", 0x517b, true],
  ["CIFS", 0xff534d42, true],
  ["SMB 2", 0xfe534d42, true],
  ["AFS", 0x5346414f, true],
  ["9P", 0x01021997, true],
  ["ext4", 0xef53, false],
  ["btrfs", 0x9123683e, false],
  ["xfs", 0x58465342, false],
  ["tmpfs", 0x01021994, false],
  ["overlayfs", 0x794c7630, false],
])("%s is of a network or not", (_name, type, expected) => {
  expect(isNetwork(type)).toBe(expected);
});
