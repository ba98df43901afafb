import { describe, expect, test } from "bun:test";
import { linkSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type ProcessBus, startBus } from "../support/bus.ts";
import { canMount, smallDisk } from "../support/disk.ts";
import { tempFolder } from "../support/folder.ts";
import { end, health } from "../support/process.ts";
import { callTool } from "../support/rpc.ts";
import { serveUntilExit } from "../support/serve.ts";

/** The event's id, or what the bus says. */
async function publish(bus: ProcessBus): Promise<number | string> {
  const result = await callTool(bus.url, "publish_event", { event_type: "t", payload: "p" });
  return result.isError ? result.content[0].text : result.structuredContent.event_id;
}

const args = (db: string) => ["--port", "0", "--db", db];

interface Way {
  what: string;
  /** Prepares before the first bus runs, and returns the names that the two give. */
  names(folder: string): { first: string; second: string };
  /** Done while the first bus runs. */
  does?(first: string): void;
  says: RegExp;
}

const IN_USE = /is in use by another agent-event-bus \(process \d+\)/;
const same = (folder: string) => ({ first: join(folder, "data.db"), second: join(folder, "data.db") });

const WAYS: readonly Way[] = [
  {
    what: "its lock was removed a second ago",
    names: same,
    does(first) {
      rmSync(`${first}.lock`);
      Bun.sleepSync(2_500);
    },
    says: IN_USE,
  },
  {
    what: "another file took the place of its lock a second ago",
    names: same,
    does(first) {
      writeFileSync(`${first}.new`, "");
      renameSync(`${first}.new`, `${first}.lock`);
      Bun.sleepSync(2_500);
    },
    says: IN_USE,
  },
  {
    what: "two links lead to a file that was not there",
    names(folder) {
      for (const name of ["one", "two"]) {
        mkdirSync(join(folder, name));
        symlinkSync("../made/later.db", join(folder, name, "data.db"));
      }
      mkdirSync(join(folder, "made"));
      return { first: join(folder, "one/data.db"), second: join(folder, "two/data.db") };
    },
    says: IN_USE,
  },
  {
    what: "a link leads to its folder",
    names(folder) {
      mkdirSync(join(folder, "real"));
      symlinkSync("real", join(folder, "link"));
      return { first: join(folder, "real/data.db"), second: join(folder, "link/data.db") };
    },
    says: IN_USE,
  },
  {
    what: "a second name (hard link) was given to it",
    names: (folder) => ({ first: join(folder, "data.db"), second: join(folder, "other.db") }),
    does: (first) => linkSync(first, join(dirname(first), "other.db")),
    says: /other\.db has 2 hard links.*mv /,
  },
];

describe("a second bus is refused a database that one has, though", () => {
  test.each(WAYS)("$what", async ({ names, does, says }) => {
    const folder = tempFolder();
    const { first, second } = names(folder);
    const bus = await startBus("binary", { folder, args: ["--db", first] });
    expect(await publish(bus)).toBe(1);
    does?.(first);
    const ended = await serveUntilExit({ folder, args: args(second) });
    expect([ended.code, ended.stderr]).toEqual([1, expect.stringMatching(says)]);
    expect(await publish(bus)).toBe(2);
    expect(await bus.stop()).toBe(0);
  });
});

test("a second bus that comes at the moment the lock is removed shuts the first one out: one acknowledges", async () => {
  const first = await startBus("binary");
  expect(await publish(first)).toBe(1);
  first.process.kill("SIGSTOP");
  rmSync(`${first.db}.lock`);
  const second = await startBus("binary", { folder: first.folder });
  expect(await publish(second)).toBe(2);
  first.process.kill("SIGCONT");
  expect(await publish(first)).toContain(
    `.lock was removed while the bus was running, and another agent-event-bus (process ${second.process.pid}) now has the database`,
  );
  expect(await health(first)).toMatchObject({ code: 503, reason: "storage_failed" });
  expect((await end(first)).code).toBe(0);
  expect(await publish(second)).toBe(3);
  const third = await serveUntilExit({ folder: first.folder, args: args(first.db) });
  expect(third.stderr).toContain(`(process ${second.process.pid})`);
  expect((await second.call("get_events", { limit: 10 })).events).toHaveLength(3);
  expect(await second.stop()).toBe(0);
});

test.skipIf(!canMount)(
  "a database that is mounted without its folder is refused: its log would be elsewhere",
  async () => {
    const disk = await smallDisk(64 * 1024 * 1024);
    const place = join(disk.folder, "a place");
    disk.run(`mkdir "${place}" && touch ${disk.folder}/real.db "${place}/data.db"`);
    disk.run(`mount --bind ${disk.folder}/real.db "${place}/data.db"`);
    const env = { AGENT_EVENT_BUS_LOG: "/dev/null", AGENT_EVENT_BUS_ERR: "/dev/null" };
    const options = { folder: tempFolder(), inside: disk.inside, env, args: args(join(place, "data.db")) };
    const ended = await serveUntilExit(options);
    expect(ended.stderr).toContain(`The database ${place}/data.db is mounted without its folder`);
    expect(ended.code).toBe(1);
  },
);
