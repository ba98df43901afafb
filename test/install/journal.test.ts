import { expect, test } from "bun:test";
import {
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { Journal } from "../../src/install/journal.ts";
import { tempFolder } from "../support/folder.ts";
import { put, treeOf } from "../support/tree.ts";

function place() {
  const home = tempFolder();
  const data = join(home, ".claude/contrib/agent-event-bus");
  return { home, data, open: () => new Journal(data) };
}

test("what stood there comes back as it was, with its mode and its time; what was made goes, with its folders", () => {
  const { home, open } = place();
  const former = put(join(home, "a/former"), "theirs", 0o700);
  const before = treeOf(home);
  const journal = open();
  journal.write(former, "ours", { mode: 0o600 });
  journal.write(join(home, "x/y/new"), "ours");
  journal.write(former, "ours again");
  journal.keep();
  expect(readFileSync(former, "utf8")).toBe("ours again");
  const later = open();
  expect(later.restore(former)).toBe(true);
  expect(later.restore(join(home, "x/y/new"))).toBe(true);
  later.keep();
  later.removeFolders();
  expect(treeOf(home, [".claude"])).toEqual(before);
});

test("undo takes back everything, the data directory and copies included", async () => {
  const { home, open } = place();
  const former = put(join(home, "former"), "theirs", 0o755);
  symlinkSync("former", join(home, "link"));
  const before = treeOf(home);
  const journal = open();
  journal.write(former, "ours");
  journal.write(join(home, "link"), { linkTo: "elsewhere" });
  journal.write(join(home, "x/new"), "ours");
  journal.remove(former);
  await journal.undo();
  expect(treeOf(home)).toEqual(before);
  // A copy that cannot be read lets the writing fail before the file is replaced.
  expect(() => journal.write(former, { copyOf: join(home, "none") })).toThrow("none");
  await journal.undo();
  expect(treeOf(home)).toEqual(before);
});

test("undo goes back to the last keep, not further", async () => {
  const { home, open } = place();
  const file = join(home, "file");
  const journal = open();
  journal.write(file, "one");
  journal.keep();
  const kept = treeOf(home);
  journal.write(file, "two");
  journal.write(join(home, "other"), "x");
  await journal.undo();
  expect(Object.keys(treeOf(home))).toEqual(Object.keys(kept));
  expect(readFileSync(file, "utf8")).toBe("one");
  expect(open().restore(file)).toBe(true);
  expect(existsSync(file)).toBe(false);
});

test("what others changed since is not given back, and a copy of it is kept when it goes", () => {
  const { home, data, open } = place();
  const file = put(join(home, "file"), "theirs");
  const journal = open();
  journal.write(file, "ours");
  writeFileSync(file, "changed by hand");
  expect(journal.restore(file)).toBe(false);
  journal.write(file, "ours again");
  expect(journal.restore(file)).toBe(false);
  writeFileSync(file, "by hand once more");
  journal.remove(file);
  const copies = readdirSync(join(data, "backups")).map((name) =>
    readFileSync(join(data, "backups", name), "utf8"),
  );
  expect(copies.sort()).toEqual(["by hand once more", "changed by hand", "theirs"]);
});

test("a text is written into what a link points to; a link takes a link's place and gives it back", () => {
  const { home, open } = place();
  const real = put(join(home, "dotfiles/settings.json"), "{}");
  const link = join(home, "settings.json");
  symlinkSync("dotfiles/settings.json", link);
  const command = join(home, "command");
  symlinkSync("/nowhere/at all", command);
  const journal = open();
  journal.write(link, "ours");
  journal.write(command, { linkTo: "settings.json" });
  expect(lstatSync(link).isSymbolicLink()).toBe(true);
  expect(readFileSync(real, "utf8")).toBe("ours");
  expect(readlinkSync(command)).toBe("settings.json");
  journal.keep();
  expect(open().wrote(command)).toBe(true);
  const later = open();
  expect(later.restore(link)).toBe(true);
  expect(later.restore(command)).toBe(true);
  expect(readFileSync(real, "utf8")).toBe("{}");
  expect(readlinkSync(command)).toBe("/nowhere/at all");
});

test("a link whose target is not there stays one, and leads nowhere again", () => {
  const { home, open } = place();
  for (const name of ["near", "far"])
    symlinkSync(`${name === "far" ? "new/" : ""}${name}.json`, join(home, name));
  const before = treeOf(home);
  const journal = open();
  for (const name of ["near", "far"]) {
    journal.check(join(home, name));
    journal.write(join(home, name), "ours");
    expect(readFileSync(join(home, name), "utf8")).toBe("ours");
    expect(lstatSync(join(home, name)).isSymbolicLink()).toBe(true);
  }
  journal.keep();
  const later = open();
  for (const name of ["near", "far"]) expect(later.restore(join(home, name))).toBe(true);
  later.keep();
  later.removeFolders();
  expect(treeOf(home, [".claude"])).toEqual(before);
});

test("what is no file is not written over", () => {
  const { home, open } = place();
  const masked = join(home, "agent-event-bus.service");
  symlinkSync("/dev/null", masked);
  expect(() => open().check(masked)).toThrow(`${masked} leads to /dev/null, which is not a file.`);
});

test("an installer that cannot begin leaves nothing", () => {
  const { home } = place();
  const before = treeOf(home);
  const journal = new Journal(join(home, "made", "too long".repeat(100)));
  expect(() => journal.begin()).toThrow("ENAMETOOLONG");
  expect(treeOf(home)).toEqual(before);
});

test("one installer at a time; who looked before another one changed something has to look again", async () => {
  const { home, data, open } = place();
  const before = treeOf(home);
  const [first, second] = [open(), open()];
  first.begin();
  expect(() => second.begin()).toThrow(`Another installer is running (process ${process.pid})`);
  first.write(join(home, "file"), "ours");
  await first.undo();
  expect(treeOf(home)).toEqual(before);
  second.begin();
  second.write(join(home, "file"), "ours");
  second.keep();
  expect(() => first.begin()).toThrow("Another installer changed this machine at the same time.");
  open().begin();
  expect(readdirSync(data)).toContain("install.json");
});

test("an installer that is killed before or after it wrote leaves a ledger that knows what to give back", () => {
  for (const moment of ["before", "after"]) {
    const { home, data, open } = place();
    const file = put(join(home, "file"), "theirs");
    const source = put(join(tempFolder(), "source"), "ours");
    const killed = Bun.spawnSync(
      [process.execPath, join(import.meta.dir, "../support/killed_journal.ts"), data, file, source, moment],
      { stderr: "inherit" },
    );
    expect(killed.signalCode).toBe("SIGKILL");
    expect(readFileSync(file, "utf8")).toBe(moment === "before" ? "theirs" : "ours");
    const journal = open();
    journal.write(file, "ours");
    journal.keep();
    const later = open();
    expect(later.restore(file)).toBe(true);
    later.keep();
    expect(readFileSync(file, "utf8")).toBe("theirs");
    expect(readdirSync(home).sort()).toEqual([".claude", "file"]);
  }
});

test("only the owner can read the data directory, the copies and the ledger", () => {
  const { home, data, open } = place();
  const file = put(join(home, "file"), "secret", 0o644);
  open().write(file, "ours");
  const modes = [data, join(data, "backups"), join(data, "install.json")].map(
    (path) => statSync(path).mode & 0o777,
  );
  expect(modes).toEqual([0o700, 0o700, 0o600]);
  for (const name of readdirSync(join(data, "backups")))
    expect(statSync(join(data, "backups", name)).mode & 0o777).toBe(0o600);
});

test("a ledger that cannot be read is refused with its name", () => {
  const { data, open } = place();
  for (const text of ["{", "[]", '{"files":1}']) {
    put(join(data, "install.json"), text);
    expect(open).toThrow(join(data, "install.json"));
  }
});
