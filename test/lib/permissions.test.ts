import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { asNobody, isRoot } from "../support/admin.ts";
import { binary } from "../support/binary.ts";
import { startBus } from "../support/bus.ts";
import { tempFolder } from "../support/folder.ts";
import { DATA, openHome, startAtHome } from "../support/home.ts";
import { sha256 } from "../support/serve.ts";

if (!isRoot) console.log("skipped: files of another user, this is not root");

/** `mode name` of a folder and all files in it. */
function modesIn(folder: string): string[] {
  const names = ["", ...(readdirSync(folder, { recursive: true }) as string[])].sort();
  return names
    .filter((name) => !name.endsWith(".sock"))
    .map((name) => `${modeOf(join(folder, name))} ${name}`);
}

function modeOf(path: string): string {
  return (statSync(path).mode & 0o777).toString(8);
}

function logOf(home: string): string[] {
  return readFileSync(join(home, DATA, "agent-event-bus.log"), "utf8").split("\n");
}

test("what the bus makes is for its owner only, whatever the umask", async () => {
  const home = tempFolder();
  const bus = await startAtHome(home);
  await bus.call("publish_event", { event_type: "t", payload: "x" });
  const modes = modesIn(join(home, DATA));
  expect(modes).toContain("600 data.db-wal");
  expect(modes.filter((line) => !line.startsWith("600 "))).toEqual(["700 "]);
  expect(modeOf(join(home, DATA, `${new URL(bus.url).port}.sock`))).toBe("700");
  expect(await bus.stop()).toBe(0);
});

test("what existed open to all is for its owner only after a start, and each change is logged once", async () => {
  const home = await openHome();
  const data = join(home, DATA);
  const open = modesIn(data);
  const kinds = [
    "",
    "data.db",
    "data.db-shm",
    "data.db-wal",
    "data.db.lock",
    "data.db.pid",
    "data.db.tokens",
  ];
  const logs = ["log", "log.1", "log.2", "err", "err.1"].map((end) => `agent-event-bus.${end}`);
  const names = [
    ...kinds,
    "data.db.tokens/laptop.json",
    ...logs,
    "machine-id",
    "settings.env",
    "token",
    "data.db.backup-v5-2026-01-31",
  ];
  expect(open.map((line) => line.slice(4)).sort()).toEqual(names.toSorted());
  expect(open.filter((line) => !/^(644|755) /.test(line))).toEqual([]);

  const bus = await startAtHome(home);
  const folders = ["", "data.db.tokens"];
  expect(modesIn(data).sort()).toEqual(
    names.map((name) => `${folders.includes(name) ? 700 : 600} ${name}`).sort(),
  );
  const told = () =>
    logOf(home).flatMap(
      (line) => /others could use (\S+) \(mode (\d+)\); it has mode (\d+)/.exec(line)?.slice(1) ?? [],
    );
  const expected = names.flatMap((name) =>
    folders.includes(name) ? [join(data, name), "755", "700"] : [join(data, name), "644", "600"],
  );
  expect(await bus.stop()).toBe(0);
  expect(told().toSorted()).toEqual(expected.toSorted());
  expect(await (await startAtHome(home)).stop()).toBe(0);
  expect(told()).toHaveLength(expected.length);
});

test("a database in a project's folder is made private, the folder and what else is in it stay", async () => {
  const home = await openHome();
  const project = join(tempFolder(), "project");
  mkdirSync(project);
  chmodSync(project, 0o755);
  for (const name of ["bus.db", "token", "settings.env", "source.ts"]) {
    writeFileSync(join(project, name), "");
    chmodSync(join(project, name), 0o644);
  }
  const bus = await startAtHome(home, join(project, "bus.db"));
  const modes = modesIn(project).filter((line) => !line.includes("bus.db"));
  expect(modes).toEqual(["755 ", "644 settings.env", "644 source.ts", "644 token"]);
  expect(modeOf(join(project, "bus.db"))).toBe("600");
  expect(modeOf(join(project, "bus.db-wal"))).toBe("600");
  // The data directory has the logs, and settings and a token that are used.
  expect(
    modesIn(join(home, DATA)).filter((line) => /^700 $|^600 (settings|token|agent)/.test(line)),
  ).toHaveLength(8);
  expect(await bus.stop()).toBe(0);
});

describe("a link is not followed to a stranger's file", () => {
  /** A file open to all, in a place that is not the bus's. */
  function stranger(): string {
    const file = join(tempFolder(), "stranger");
    writeFileSync(file, "its own text\n");
    chmodSync(file, 0o644);
    return file;
  }

  test.each(["-wal", "-shm", "-journal", ".lock", ".pid", ".backup-x", ".tokens/x.json"])(
    "from data.db%s",
    async (end) => {
      const file = stranger();
      const folder = tempFolder();
      const link = join(folder, `data.db${end}`);
      mkdirSync(join(link, ".."), { recursive: true });
      symlinkSync(file, link);
      const before = sha256(file);
      // Some of them keep the bus from starting, with a sentence; none may change the file.
      const started = await startBus("binary", { folder }).then((bus) => bus.stop(), String);
      if (typeof started === "string")
        expect(started).toMatch(
          /agent-event-bus: The database .* (cannot be opened|is not an SQLite database)/,
        );
      expect([modeOf(file), sha256(file)]).toEqual(["644", before]);
    },
  );

  test.each(["settings.env", "token", "agent-event-bus.log.1", "agent-event-bus.log"])(
    "from %s of the data directory",
    async (name) => {
      const file = stranger();
      if (name === "settings.env") writeFileSync(file, "# nothing\n");
      const home = tempFolder();
      mkdirSync(join(home, DATA), { recursive: true, mode: 0o700 });
      const link = join(home, DATA, name);
      symlinkSync(file, link);
      expect(await (await startAtHome(home)).stop()).toBe(0);
      expect(modeOf(file)).toBe("644");
      expect(lstatSync(link).isSymbolicLink()).toBe(true);
      expect(
        logOf(home).filter((line) =>
          line.includes(
            `others can use ${link} (mode 644). The file was left as it is, because it is a link`,
          ),
        ),
      ).toHaveLength(1);
    },
  );

  test("but a database that is a link itself is the person's choice: what it points to is made private", async () => {
    const home = tempFolder();
    const elsewhere = join(tempFolder(), "real.db");
    writeFileSync(elsewhere, "");
    chmodSync(elsewhere, 0o644);
    symlinkSync(elsewhere, join(home, "link.db"));
    const bus = await startAtHome(home, join(home, "link.db"));
    await bus.call("publish_event", { event_type: "t", payload: "x" });
    expect([modeOf(elsewhere), modeOf(`${elsewhere}-wal`)]).toEqual(["600", "600"]);
    expect(await bus.stop()).toBe(0);
    expect(
      logOf(home).filter((line) => line.includes(`others could use ${elsewhere} (mode 644)`)),
    ).toHaveLength(1);
  });
});

describe.skipIf(!isRoot)("files of another user", () => {
  test("do not keep the bus from starting; they are left, logged, and check says whose they are", async () => {
    const home = tempFolder();
    const data = join(home, DATA);
    const program = join(home, "agent-event-bus");
    copyFileSync(binary, program);
    await (await startAtHome(home)).stop();
    for (const name of ["settings.env", "token"]) writeFileSync(join(data, name), "");
    for (const path of [home, join(home, ".claude"), join(home, ".claude/contrib"), data])
      chownSync(path, 65534, 65534);
    for (const name of readdirSync(data)) chmodSync(join(data, name), 0o666);

    const port = { HOME: home, PORT: "0", PATH: process.env.PATH ?? "" };
    const child = Bun.spawn(
      ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", program, "serve"],
      { env: port, cwd: home, stdout: "pipe", stderr: "pipe" },
    );
    const told = await child.stdout.getReader().read();
    child.kill("SIGTERM");
    expect(await child.exited).toBe(0);
    expect(new TextDecoder().decode(told.value)).toContain("listens on");
    const left = logOf(home).filter((line) =>
      line.includes("as it is, because it is a link or another user's"),
    );
    expect(left.map((line) => /use \S*\/(\S+) /.exec(line)?.[1]).sort()).toEqual([
      "agent-event-bus.log",
      "data.db",
      "data.db.lock",
      "machine-id",
      "settings.env",
      "token",
    ]);

    const checked = await asNobody(program, ["check"], home);
    expect(checked.code).toBe(1);
    expect(checked.output).toContain(`${join(data, "data.db")} belongs to user 0, not 65534`);
    const repair = /sudo (chown 65534 .*)/.exec(checked.output)?.[1] ?? "exit 9";
    expect(Bun.spawnSync(["sh", "-c", repair]).exitCode).toBe(0);
    const again = await asNobody(program, ["check"], home);
    expect(again.output).toContain("private to the owner");
    expect([again.code, existsSync(join(data, "data.db-wal"))]).toEqual([0, true]);
  });
});
