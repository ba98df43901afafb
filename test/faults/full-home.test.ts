import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { publish } from "../support/agent.ts";
import { type Kind, startBus } from "../support/bus.ts";
import { type CliResult, cli } from "../support/cli.ts";
import { canMount, type Disk, smallDisk } from "../support/disk.ts";

const MIB = 1024 * 1024;
if (!canMount) console.log("skipped: commands on a full disk, unshare -rm cannot mount here");

const FULL = /^agent-event-bus: The disk is full( \(.+\))?\. Free some space, then run this again\.$/;

/** Commands that write files, and their last line on a full disk. Nothing of it is left half done. */
const COMMANDS: [line: string, says: RegExp][] = [
  ["token create --name other", FULL],
  ["token revoke kept", FULL],
  [
    "backup DISK/copies",
    /^agent-event-bus: The disk of .+ is full\. Free some space, .+ No copy was made\.$/,
  ],
  [
    "backup DISK/copy.db",
    /^agent-event-bus: The disk of .+ is full\. Free some space, .+ No copy was made\.$/,
  ],
  [
    "restore DISK/backups/1.db",
    /^agent-event-bus: The disk is full.* Free some space.* Nothing was changed\.$/,
  ],
  [
    "serve --port 0",
    /^agent-event-bus: The database .+ cannot be written because the disk is full: .+ Free some space\.$/,
  ],
  [
    "start",
    /^agent-event-bus: The database .+ cannot be written because the disk is full: .+ Free some space\.$/,
  ],
  ["check", /^agent-event-bus: \d of \d checks found a problem\.$/],
];

/** Only the executable installs itself. */
const INSTALL: typeof COMMANDS = [
  [
    "install server --hooks-only --port 9090",
    /^agent-event-bus: binary: The disk is full.+ All changes were undone\.$/,
  ],
];

describe.skipIf(!canMount).each(["binary", "node"] as Kind[])("%s: on a full disk", (kind) => {
  let disk: Disk;
  const run = (line: string): Promise<CliResult> => {
    const words = line.replaceAll("DISK", disk.folder).split(" ");
    return cli(words, { kind, inside: [...disk.inside, "env", `HOME=${disk.folder}`], cwd: "/" });
  };
  // The log of writes may be folded into the database.
  const files = () => {
    const names = disk.run(`cd ${disk.folder} && find . -type f`).split("\n");
    return names.filter((name) => !/\.(log|err|lock|pid)$|-(wal|shm)$/.test(name)).sort();
  };
  const fill = () => disk.run(`cat /dev/zero >> ${disk.folder}/rest 2>/dev/null || true`);

  test("each command says so in a sentence, and leaves nothing", async () => {
    disk = await smallDisk(2 * MIB);
    const folder = join(disk.folder, ".claude/contrib/agent-event-bus");
    expect((await run("token create --name kept")).code).toBe(0);
    const inside = [...disk.inside, "env", `HOME=${disk.folder}`];
    const bus = await startBus(kind, {
      inside,
      args: ["--db", join(folder, "data.db")],
      folder: disk.folder,
    });
    await publish(bus);
    await bus.stop();
    expect((await run("backup DISK/backups/")).code).toBe(0);
    disk.run(`mv ${disk.folder}/backups/*/data.db ${disk.folder}/backups/1.db`);
    fill();
    const before = files();
    for (const [line, says] of [...COMMANDS, ...(kind === "binary" ? INSTALL : [])]) {
      fill();
      const { stderr, code } = await run(line);
      expect([line, stderr.trim().split("\n").at(-1)]).toEqual([line, expect.stringMatching(says)]);
      expect([line, stderr.includes("ENOSPC:"), code]).toEqual([line, false, 1]);
      expect([line, files()]).toEqual([line, before]);
    }
    disk.remove("rest");
    expect((await run("check")).stdout).toContain("integrity    ok");
    expect((await run("token create --name other")).code).toBe(0);
  });
});
