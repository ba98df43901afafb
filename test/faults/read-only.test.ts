import { describe, expect, test } from "bun:test";
import { statSync } from "node:fs";
import { join } from "node:path";
import { startBus } from "../support/bus.ts";
import { breakableDisk, canBreak, canMount } from "../support/disk.ts";
import { tempFolder } from "../support/folder.ts";
import { moments, writeOriginal } from "../support/original.ts";
import { end, health } from "../support/process.ts";
import { callTool } from "../support/rpc.ts";
import { current, expectRefusal, serveUntilExit, sha256, sqlite } from "../support/serve.ts";

/** A refusal without a wait. A wait for a lock takes ten seconds. */
const WITHIN_MS = 8_000;
if (!canMount) console.log("skipped: read-only file system, unshare -rm cannot mount here");

describe.skipIf(!canMount)("on a read-only file system", () => {
  const readOnly = (folder: string, prepare: string) => [
    ...["unshare", "-rm", "sh", "-c"],
    `cp -a ${folder}/. /mnt && mount -t tmpfs tmpfs ${folder} && cp -a /mnt/. ${folder} && ${prepare} mount -o remount,ro ${folder} && exec "$@"`,
    "sh",
  ];
  const log = { AGENT_EVENT_BUS_LOG: "/dev/null", AGENT_EVENT_BUS_ERR: "/dev/null" };
  const says = /cannot be (written|opened).*read-only/;

  test("a database of ours is refused", async () => {
    const folder = tempFolder();
    await current(join(folder, "data.db"));
    const { ms } = await expectRefusal({ folder, env: log, inside: readOnly(folder, "") }, says);
    expect(ms).toBeLessThan(WITHIN_MS);
    console.log(`read-only at the start: refused in ${ms.toFixed(0)} ms`);
  });

  test("a database of ours without its lock file is refused", async () => {
    const folder = tempFolder();
    await current(join(folder, "data.db"));
    await expectRefusal({ folder, env: log, inside: readOnly(folder, `rm ${folder}/data.db.lock;`) }, says);
  });
});

describe.skipIf(!canMount)("on a disk too small to take over the original's database", () => {
  const MB = 1024 * 1024;
  const pages = (path: string) => Math.ceil(statSync(path).size / MB);
  test.each([
    ["for the copy of it", 0.5],
    ["for changing it after the copy", 1.3],
  ])("%s it is refused, and nothing stays behind", async (_what, room) => {
    const folder = tempFolder();
    const path = join(folder, "data.db");
    writeOriginal(path, 5, "UTC", moments(20_000));
    sqlite(path, "PRAGMA wal_checkpoint(TRUNCATE)").close(true);
    const sum = sha256(path);
    const size = Math.round(pages(path) * (1 + room));
    const { stdout } = await serveUntilExit({
      folder,
      args: ["--port", "0", "--db", path],
      env: {
        AGENT_EVENT_BUS_LOG: "/dev/null",
        AGENT_EVENT_BUS_ERR: "/dev/null",
        BUN_RUNTIME_TRANSPILER_CACHE_PATH: "0",
      },
      inside: [
        ...["unshare", "-rm", "sh", "-c"],
        `mount -t tmpfs tmpfs /mnt && cp ${path} /mnt && mount -t tmpfs -o size=${size}m tmpfs ${folder} && cp /mnt/data.db ${folder} && { "$@" 2>&1; echo "code $?"; sha256sum ${path}; ls ${folder}; }`,
        "sh",
      ],
    });
    expect(stdout).toMatch(/disk is full.*not changed\. Free some space/);
    expect(stdout).toContain(path);
    expect(stdout).toContain("code 1\n");
    expect(stdout).toContain(sum);
    expect(stdout).not.toContain("backup-");
  });
});

if (!canBreak) console.log("skipped: a disk that becomes read-only, only root can make one");

test.skipIf(!canBreak)(
  "a disk that becomes read-only under a running bus: reads go on, writes are refused, it ends in time",
  async () => {
    const disk = await breakableDisk();
    const log = { AGENT_EVENT_BUS_LOG: "/dev/null", AGENT_EVENT_BUS_ERR: "/dev/null" };
    const bus = await startBus("binary", { folder: disk.folder, inside: disk.inside, env: log });
    const { session_id } = await bus.call("register_session", { name: "reader", client_id: "reader" });
    const acknowledged = 50;
    for (let i = 0; i < acknowledged; i++)
      await bus.call("publish_event", { event_type: "t", payload: `${i}` });
    disk.breakDown();
    const refused = await callTool(bus.url, "publish_event", { event_type: "t", payload: "p" });
    expect(refused.content[0].text).toMatch(
      /^publish_event: The (database|disk) .*Nothing was stored\. (Make it|Check the disk)/,
    );
    const told = await health(bus);
    expect(told).toMatchObject({ code: 503, status: "degraded" });
    for (let i = 0; i < 20; i++) {
      const { events, warning } = await bus.call("get_events", { session_id, resume: true, limit: 100 });
      expect(events).toHaveLength(acknowledged);
      expect(warning).toMatch(/^Your cursor was not saved/);
    }
    const { code, ms } = await end(bus);
    expect(code).toBe(0);
    expect(ms).toBeLessThan(12_000);
    console.log(
      `read-only under a running bus: ${told.reason}, 20 of 20 reads answered, ended ${ms.toFixed(0)} ms after SIGTERM`,
    );
  },
);
