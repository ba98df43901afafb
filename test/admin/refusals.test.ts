import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { asNobody, canMount, damage, databaseWith, inNamespace, isRoot, onFiles } from "../support/admin.ts";
import { binary } from "../support/binary.ts";
import { tempFolder } from "../support/folder.ts";
import { lockElsewhere, sha256, sqlite } from "../support/serve.ts";

if (!canMount) console.log("skipped: full and read-only disks, unshare -rm cannot mount here");
if (!isRoot) console.log("skipped: files of another user, this is not root");

/** Runs `backup` and checks what every refusal has in common: one sentence, exit code 1, nothing made. */
async function expectRefusal(file: string, db: string, says: RegExp, code = 1): Promise<void> {
  const folder = join(file, "..");
  const names = () =>
    statSync(folder, { throwIfNoEntry: false })?.isDirectory()
      ? readdirSync(folder).filter((name) => !name.startsWith(basename(db)))
      : [];
  const before = [names(), sha256(db)];
  const ran = await onFiles("backup", file, "--db", db);
  expect(ran.stderr).toMatch(says);
  expect(ran.stderr.trim().split("\n")).toHaveLength(1);
  expect(ran.stdout).toBe("");
  expect(ran.code).toBe(code);
  expect([names(), sha256(db)]).toEqual(before);
}

describe("a copy is not made", () => {
  test("over a file that exists", async () => {
    const db = await databaseWith(5);
    const file = join(tempFolder(), "older.db");
    writeFileSync(file, "an older copy");
    await expectRefusal(file, db, /older\.db exists already\. Give the name of a new file\.$/m);
    expect(await Bun.file(file).text()).toBe("an older copy");
  });

  test("over the database itself, whatever leads to it", async () => {
    const db = await databaseWith(5);
    symlinkSync(db, join(db, "../link.db"));
    await expectRefusal(db, db, /data\.db exists already/);
    await expectRefusal(join(db, "../link.db"), db, /link\.db exists already/);
    await expectRefusal(db, join(db, "../link.db"), /data\.db exists already/);
  });

  test.each(["-wal", "-shm", "-journal", ".pid", ".tokens"])(
    "under a name of the bus's own: …%s",
    async (end) => {
      const db = await databaseWith(5);
      await expectRefusal(`${db}${end}`, db, /is a name that the bus uses itself\. Give another one\.$/m);
      expect(existsSync(`${db}${end}`)).toBe(false);
    },
  );

  test("when its partial file would be the database", async () => {
    const folder = tempFolder();
    const db = join(folder, "data.db.99999999.partial");
    copyFileSync(await databaseWith(5), db);
    await expectRefusal(join(folder, "data.db"), db, /is a name that the bus uses itself/);
  });

  test("in a missing folder, or in a file", async () => {
    const db = await databaseWith(5);
    const folder = tempFolder();
    mkdirSync(join(folder, "sub"));
    writeFileSync(join(folder, "file"), "");
    await expectRefusal(join(folder, "none/copy.db"), db, /There is no folder .*none\. Make it first\.$/m);
    await expectRefusal(
      join(folder, "file/copy.db"),
      db,
      /file is not a folder\. Give the name of a new file\.$/m,
    );
    await expectRefusal(
      join(folder, "x".repeat(300)),
      db,
      /is too long\. Give a shorter one\. No copy was made\.$/m,
    );
  });

  test("without a name, which is wrong usage", async () => {
    const db = await databaseWith(5);
    const empty = await onFiles("backup", "", "--db", db);
    expect([empty.code, empty.stderr]).toEqual([
      64,
      "agent-event-bus: backup needs a FILE or a DIR, not an empty word.\n",
    ]);
    const none = await onFiles("backup", "--db", db);
    expect([none.code, none.stderr]).toEqual([64, expect.stringContaining("backup needs a FILE|DIR.\n")]);
  });

  test("of a missing database, which is not created", async () => {
    const folder = tempFolder();
    const db = join(folder, "data.db");
    await expectRefusal(
      join(folder, "copy.db"),
      db,
      /There is no database at .*data\.db\. Name the bus's database with --db/,
    );
    expect(readdirSync(folder)).toEqual([]);
  });

  test("of what is no database of a bus", async () => {
    const folder = tempFolder();
    const copy = join(folder, "copy.db");
    const other = join(folder, "other.db");
    sqlite(other, "CREATE TABLE things (a)").close(true);
    writeFileSync(join(folder, "empty.db"), "");
    writeFileSync(join(folder, "text.db"), "some text, longer than a header of SQLite ".repeat(10));
    await expectRefusal(copy, folder, /is a folder, not a file\. Name the bus's database with --db/);
    for (const db of [other, join(folder, "empty.db")])
      await expectRefusal(copy, db, /is not a database of a bus\. Name the bus's .* No copy was made\.$/m);
    await expectRefusal(
      copy,
      join(folder, "text.db"),
      /cannot be copied: not an SQLite database\. Name the bus's/,
    );
  });

  test("of a damaged database", async () => {
    const db = await databaseWith(2_000);
    damage(db);
    await expectRefusal(
      join(tempFolder(), "copy.db"),
      db,
      /cannot be copied: damaged \(.*\)\. Run: agent-event-bus stop, then with a backup of .* No copy was made\.$/m,
    );
  });

  test("of a database whose log of writes is another one's", async () => {
    const db = await databaseWith(5);
    const copy = join(tempFolder(), "copy.db");
    expect((await onFiles("backup", copy, "--db", db)).code).toBe(0);
    writeFileSync(`${copy}-wal`, "x".repeat(5_000));
    await expectRefusal(
      join(tempFolder(), "copy.db"),
      copy,
      /Remove .*-wal and .*-shm before you use the copy\.$/m,
    );
  });

  test("of a database that another program locks", async () => {
    const db = await databaseWith(5);
    const foreign = await lockElsewhere(
      db,
      "PRAGMA locking_mode = EXCLUSIVE; BEGIN IMMEDIATE; DELETE FROM events WHERE id = 0",
    );
    const copy = join(tempFolder(), "copy.db");
    const ran = await onFiles("backup", copy, "--db", db);
    await foreign.release();
    expect(ran.stderr).toMatch(
      /cannot be copied: locked by another program\. End that program, or try again later\./,
    );
    expect([ran.code, readdirSync(join(copy, ".."))]).toEqual([1, []]);
  });
});

describe.skipIf(!canMount)("on a disk that takes no copy", () => {
  test.each([
    [
      "full",
      "size=256k",
      /The disk of .*\/disk is full\. Free some space, or give a file on another disk\. No copy/,
    ],
    [
      "read-only",
      "ro",
      /Nothing can be written to .*\/disk \(it is read-only\)\. Give a file in another folder\. No copy/,
    ],
  ])("because it is %s nothing is left", async (_what, option, says) => {
    const db = await databaseWith(2_000);
    const folder = join(db, "..");
    mkdirSync(join(folder, "disk"));
    const shown = inNamespace(
      `mount -t tmpfs -o ${option} tmpfs disk && { "$0" backup disk/copy.db --db data.db; echo "code $?"; ls -A disk | sed 's/^/left: /'; }`,
      folder,
    );
    expect(shown).toMatch(says);
    expect(shown).toContain("code 1\n");
    expect(shown).not.toContain("left:");
  });

  test("a full one is told as JSON too", async () => {
    const db = await databaseWith(2_000);
    mkdirSync(join(db, "../disk"));
    const shown = inNamespace(
      `mount -t tmpfs -o size=256k tmpfs disk && "$0" backup disk/copy.db --db data.db --json 2>/dev/null`,
      join(db, ".."),
    );
    expect(JSON.parse(shown)).toEqual({ error: expect.stringMatching(/is full/) });
  });
});

describe.skipIf(!isRoot)("as a user without rights", () => {
  test("each place that cannot be read or written is named", async () => {
    const folder = tempFolder();
    const program = join(folder, "agent-event-bus");
    copyFileSync(binary, program);
    chmodSync(program, 0o755);
    const db = await databaseWith(5, join(folder));
    for (const [name, mode] of [
      ["open", 0o777],
      ["closed", 0o755],
    ] as const) {
      mkdirSync(join(folder, name));
      chmodSync(join(folder, name), mode);
    }
    chmodSync(folder, 0o755);
    const run = (file: string) =>
      asNobody(program, ["backup", join(folder, file), "--db", db], join(folder, "open"));

    expect((await run("closed/copy.db")).output).toMatch(
      /Nothing can be written to .*closed \(permission denied\)/,
    );
    writeFileSync(`${db}-wal`, "x".repeat(100));
    const unreadable = await run("open/copy.db");
    expect(unreadable.code).toBe(1);
    expect(unreadable.output).toMatch(
      /data\.db cannot be copied: cannot be opened .*\. Make .* readable .* or run this as its owner/,
    );
    expect(readdirSync(join(folder, "open"))).toEqual([]);
  });
});
