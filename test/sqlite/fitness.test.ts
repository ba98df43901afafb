import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  closeSync,
  constants,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { machineId } from "../../src/config/machine_id.ts";
import { isRoot, onFiles } from "../support/admin.ts";
import { startBus } from "../support/bus.ts";
import { cli } from "../support/cli.ts";
import { tempFolder } from "../support/folder.ts";
import { DATA } from "../support/home.ts";
import { serveUntilExit, sha256 } from "../support/serve.ts";

if (!isRoot) console.log("skipped: devices, only root can make them");

/** What no refusal may change of a path and of what is in its folder. */
function stateOf(folder: string): string[] {
  return readdirSync(folder)
    .sort()
    .map((name) => {
      const path = join(folder, name);
      const { mode, mtimeMs, ctimeMs, size, ino } = lstatSync(path);
      return [name, mode, mtimeMs, ctimeMs, size, ino, lstatSync(path).isFile() ? sha256(path) : ""].join(
        " ",
      );
    });
}

function made(...command: string[]): void {
  expect(Bun.spawnSync(command).exitCode).toBe(0);
}

/** Things that are not files, each made open to all at a path. */
const THINGS: Readonly<Record<string, (path: string) => unknown>> = {
  "a named pipe": (path) => made("mkfifo", "-m", "666", path),
  "a folder": (path) => mkdirSync(path),
  async "a socket"(path) {
    const server = createServer().listen(path);
    await new Promise((resolve) => server.once("listening", resolve));
    server.unref();
    chmodSync(path, 0o666);
  },
  ...(isRoot && {
    // Like /dev/null and a disk.
    "a device": (path: string) => made("mknod", "-m", "666", path, "c", "1", "3"),
    "a block device": (path: string) => made("mknod", "-m", "666", path, "b", "7", "200"),
  }),
};
const KINDS = Object.entries(THINGS).map(([kind, make]) => ({ kind, make }));

describe("what is not a file is refused in one line, at once, and keeps its mode", () => {
  for (const { kind, make } of KINDS) {
    test(`${kind} as the database, also behind a link: serve, check, backup and token`, async () => {
      const folder = tempFolder();
      const logs = tempFolder();
      const path = join(folder, "data.db");
      await make(path);
      symlinkSync(path, join(folder, "link.db"));
      const before = stateOf(folder);
      const env = { AGENT_EVENT_BUS_LOG: join(logs, "log"), AGENT_EVENT_BUS_ERR: join(logs, "err") };
      const says = new RegExp(`data\\.db is ${kind.replace("block ", "")}[,.]`);
      for (const db of [path, join(folder, "link.db")]) {
        const ended = await serveUntilExit({ folder: logs, env, args: ["--port", "0", "--db", db] });
        expect([ended.code, ended.stderr]).toEqual([1, expect.stringMatching(says)]);
        for (const command of [
          ["check"],
          ["backup", join(logs, "copy.db")],
          ["token create", "--name", "laptop"],
        ]) {
          const ran = await onFiles(command[0] ?? "", ...command.slice(1), "--db", db);
          expect([ran.code, ran.stderr]).toEqual([1, expect.stringMatching(says)]);
        }
      }
      expect(stateOf(folder)).toEqual(before);
    });

    test.each(["-wal", "-shm", "-journal", ".lock"])(`${kind} at data.db%s`, async (end) => {
      const bus = await startBus("binary");
      await bus.call("publish_event", { event_type: "t", payload: "p" });
      await bus.stop();
      const path = `${bus.db}${end}`;
      if (end === ".lock") renameSync(path, join(tempFolder(), "lock"));
      await make(path);
      const before = stateOf(bus.folder).filter((line) => line.startsWith("data.db"));
      const ended = await serveUntilExit({ folder: bus.folder, args: ["--port", "0", "--db", bus.db] });
      expect(ended.code).toBe(1);
      expect(ended.stderr).toContain(`data.db${end} is ${kind.replace("block ", "")}, not a file. Remove it`);
      expect(stateOf(bus.folder).filter((line) => line.startsWith("data.db"))).toEqual(before);
    });

    // A folder takes the backup of everything.
    if (kind !== "a folder")
      test(`${kind} as the target of a backup`, async () => {
        const bus = await startBus("binary");
        const folder = tempFolder();
        await make(join(folder, "copy.db"));
        const before = stateOf(folder);
        const ran = await onFiles("backup", join(folder, "copy.db"), "--db", bus.db);
        expect([ran.code, ran.stderr]).toEqual([1, expect.stringMatching(/exists already|is a folder/)]);
        expect(stateOf(folder)).toEqual(before);
        await bus.stop();
      });

    test.each(["settings.env", "token"])(
      `${kind} as %s: commands and hooks end, with a sentence`,
      async (name) => {
        const home = tempFolder();
        const data = join(home, DATA);
        mkdirSync(data, { recursive: true });
        await make(join(data, name));
        // The first hook of a machine makes it.
        machineId(data);
        const before = stateOf(data);
        // Another machine's bus: only there a command sends the token.
        const url = "http://192.0.2.1:9/mcp";
        const ran = await cli(["sessions", "--url", url], {
          kind: "binary",
          env: { HOME: home, AGENT_EVENT_BUS_URL: "" },
        });
        expect(ran.code).not.toBe(0);
        expect(ran.stderr).toMatch(
          new RegExp(`${name.replace(".", "\\.")}.* (not a file|cannot be read|does not hold a token)`),
        );
        const hook = await cli(["hook", "prompt"], {
          kind: "binary",
          env: { HOME: home, AGENT_EVENT_BUS_URL: "" },
        });
        expect(hook.code).toBe(0);
        if (name === "settings.env") {
          const ended = await serveUntilExit({ folder: home, args: ["--port", "0"] });
          expect(ended.code).not.toBe(0);
          expect(ended.stderr).toContain("settings.env cannot be read");
        }
        expect(stateOf(data)).toEqual(before);
      },
    );

    test.each(["AGENT_EVENT_BUS_LOG", "AGENT_EVENT_BUS_ERR"])(
      `${kind} as %s holds nothing up`,
      async (name) => {
        const folder = tempFolder();
        const path = join(tempFolder(), "log");
        await make(path);
        const before = lstatSync(path);
        const bus = await startBus("binary", { folder, env: { [name]: path } });
        await bus.call("publish_event", { event_type: "t", payload: "p" });
        expect(await bus.stop()).toBe(0);
        const { mode, ctimeMs } = lstatSync(path);
        expect([mode, ctimeMs]).toEqual([before.mode, before.ctimeMs]);
      },
    );
  }
});

test("a named pipe as the log is written to while somebody reads it", async () => {
  const path = join(tempFolder(), "log");
  made("mkfifo", path);
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const bus = await startBus("binary", { env: { AGENT_EVENT_BUS_LOG: path } });
  expect(await bus.stop()).toBe(0);
  expect(readFileSync(reader, "utf8")).toContain("listening on");
  closeSync(reader);
});

describe("a database without its file beside a log of writes", () => {
  async function killed() {
    const bus = await startBus("binary");
    for (let i = 0; i < 5; i++) await bus.call("publish_event", { event_type: "t", payload: `${i}` });
    await bus.kill();
    return bus;
  }

  test.each([
    { what: "empty", does: (db: string) => truncateSync(db, 0) },
    { what: "missing", does: (db: string) => renameSync(db, join(tempFolder(), "away")) },
  ])(
    "that is $what is refused untouched by serve, check, backup and doctor; what it says to do brings all back",
    async ({ what, does }) => {
      const { db, folder } = await killed();
      does(db);
      const before = stateOf(folder).filter((line) => /^data\.db(-wal|-shm)? /.test(line));
      const says = `The database ${db} is ${what}, but its write-ahead log ${db}-wal is not`;
      const ended = await serveUntilExit({ folder, args: ["--port", "0", "--db", db] });
      expect([ended.code, ended.stderr]).toEqual([1, expect.stringContaining(says)]);
      for (const command of [["check"], ["backup", join(tempFolder(), "copy.db")]]) {
        const ran = await onFiles(command[0] ?? "", ...command.slice(1), "--db", db);
        expect([ran.code, ran.stderr]).toEqual([1, expect.stringContaining(says)]);
      }
      mkdirSync(join(folder, DATA), { recursive: true });
      writeFileSync(join(folder, DATA, "settings.env"), `AGENT_EVENT_BUS_DB=${db}\n`, { mode: 0o600 });
      const doctor = await cli(["doctor", "--json"], { kind: "binary", env: { HOME: folder } });
      expect(doctor.stdout).toContain(`its write-ahead log ${db}-wal is not`);
      expect(stateOf(folder).filter((line) => /^data\.db(-wal|-shm)? /.test(line))).toEqual(before);
      const repair = /To recover the data, run: (tail .*)\. To start without/.exec(ended.stderr)?.[1];
      made("sh", "-c", repair ?? "exit 9");
      const next = await startBus("binary", { folder });
      expect((await next.call("get_events", { limit: 10 })).events).toHaveLength(5);
      await next.stop();
    },
  );

  test("that has been folded in before is refused too, and a backup is asked for", async () => {
    const { db, folder } = await killed();
    const next = await startBus("binary", { folder });
    // More than the log holds before it is folded in.
    for (let i = 0; i < 15; i++)
      await next.call("publish_event", { event_type: "t", payload: "x".repeat(900_000) });
    await next.kill();
    truncateSync(db, 0);
    const ended = await serveUntilExit({ folder, args: ["--port", "0", "--db", db] });
    expect([ended.code, ended.stderr]).toEqual([1, expect.stringContaining("copy a backup to")]);
  });
});

test("the folder of tokens keeps its mode when it is a link", async () => {
  const folder = tempFolder();
  const elsewhere = tempFolder();
  chmodSync(elsewhere, 0o777);
  writeFileSync(join(folder, "data.db"), "");
  symlinkSync(elsewhere, join(folder, "data.db.tokens"));
  const ran = await onFiles("token create", "--name", "laptop", "--db", join(folder, "data.db"));
  expect(ran.stderr).toBe("");
  expect(lstatSync(elsewhere).mode & 0o777).toBe(0o777);
});
