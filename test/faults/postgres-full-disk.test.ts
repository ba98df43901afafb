// The disk of a bus's PostgreSQL is full: what is stored stays readable, and writing goes on by itself.
import { afterAll, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { type ProcessBus, startBus } from "../support/bus.ts";
import { canMountForOthers, type Disk, smallDiskForOthers } from "../support/disk.ts";
import { removeFolders } from "../support/folder.ts";
import { freePort } from "../support/port.ts";
import { noPostgres, onServer, type Server, selectedBy, startServer } from "../support/postgres.ts";
import { health, healthIs } from "../support/process.ts";
import { receiver } from "../support/receiver.ts";
import { callTool } from "../support/rpc.ts";
import { eventually, hook } from "../support/webhook.ts";

const MIB = 1024 * 1024;
/** A few times as long as the bus waits before it looks if the disk is still full. */
const STAYS_MS = 3_500;
const SIZES = [100_000, 2_000, 1];
if (!canMountForOthers) console.log("skipped: full disk of PostgreSQL, unshare -m cannot mount here");

afterAll(removeFolders);

/** A database whose tables are on a disk of its own. */
async function databaseOn(disk: Disk, server: Server): Promise<string> {
  const url = await server.database();
  const [, name] = /([^/]+)$/.exec(url) ?? [];
  const space = `${disk.folder}/space`;
  disk.run(`mkdir ${space} && chown --reference=${server.folder} ${space}`);
  const other = new URL("/postgres", url).href;
  await onServer(other, `CREATE TABLESPACE small LOCATION '${space}'`);
  await onServer(other, `ALTER DATABASE ${name} SET TABLESPACE small`);
  return url;
}

/** Leaves a mebibyte. */
function fillUp(disk: Disk): void {
  disk.fill("filler", 8 * MIB);
  disk.run(`cat /dev/zero > ${disk.folder}/rest 2>/dev/null || truncate -s -1M ${disk.folder}/rest`);
}

/** Publishes ever smaller events until not even the smallest is taken. Returns the ids of those that were, by payload. */
async function fill(bus: ProcessBus): Promise<Map<string, number>> {
  const taken = new Map<string, number>();
  for (const size of SIZES)
    for (let refused = 0; refused < 3; ) {
      // So that it cannot be compressed.
      const payload = `${taken.size} ${randomBytes(size).toString("base64").slice(0, size)}`;
      const result = await callTool(bus.url, "publish_event", { event_type: "t", payload });
      if (result.isError) {
        expect(result.content[0].text).toMatch(
          /^publish_event: The disk of the database is full .*Nothing was stored\. Free some space there/,
        );
        refused++;
      } else taken.set(payload, result.structuredContent.event_id);
    }
  return taken;
}

test.skipIf(noPostgres !== null || !canMountForOthers)(
  "a full disk costs no event, reads go on, and /health tells of it until there is space",
  async () => {
    const disk = await smallDiskForOthers(40 * MIB);
    const server = await startServer({ port: await freePort(), inside: disk.inside });
    const hooks = receiver();
    try {
      const url = await databaseOn(disk, server);
      const bus = await startBus("binary", { db: null, env: { AGENT_EVENT_BUS_DB: url } });
      await hook(bus, hooks.url());
      fillUp(disk);
      const taken = await fill(bus);
      const degraded = await health(bus);
      expect(degraded).toMatchObject({ code: 503, reason: "storage_full" });
      const [newest] = [...taken.values()].slice(-1);
      for (const end = performance.now() + STAYS_MS; performance.now() < end; ) {
        expect(await health(bus)).toMatchObject({ code: 503, since: degraded.since });
        const { events } = await bus.call("get_events", { limit: 1 });
        expect(events[0].id).toBe(newest);
        await Bun.sleep(20);
      }
      disk.remove("filler");
      const resumed = await healthIs(bus, 200);
      const { event_id } = await bus.call("publish_event", { event_type: "t", payload: "again" });
      taken.set("again", event_id);
      const stored = selectedBy(url, "SELECT id, payload FROM events WHERE event_type = 't' ORDER BY id", []);
      expect(stored).toEqual([...taken].map(([payload, id]) => ({ id, payload })));
      const arrived = () => new Set(hooks.at("/").map(({ json }) => Number(json.event_id)));
      await eventually("every event has arrived", () => arrived().size >= taken.size);
      expect([...arrived()].sort((a, b) => a - b)).toEqual([...taken.values()]);
      expect(await bus.stop()).toBe(0);
      console.log(`${taken.size} acknowledged, 0 lost, writing again ${resumed.toFixed(0)} ms after the end`);
    } finally {
      hooks.stop();
      await server.kill();
    }
  },
  120_000,
);

test.skipIf(noPostgres !== null || !canMountForOthers)(
  "a server that stops because its write-ahead log has no space loses no event, and the bus goes on once it runs again",
  async () => {
    const disk = await smallDiskForOthers(24 * MIB);
    disk.run(`chmod 777 ${disk.folder}`);
    const log = join(disk.folder, "log");
    const server = await startServer({ port: await freePort(), inside: disk.inside, log });
    try {
      const url = await server.database();
      const bus = await startBus("binary", { db: null, env: { AGENT_EVENT_BUS_DB: url } });
      disk.run(`cat /dev/zero > ${disk.folder}/rest 2>/dev/null || true`);
      const taken = new Map<number, string>();
      const publish = async (): Promise<string | undefined> => {
        const payload = `${taken.size} ${randomBytes(50_000).toString("base64")}`;
        const result = await callTool(bus.url, "publish_event", { event_type: "t", payload });
        if (result.isError) return result.content[0].text;
        taken.set(result.structuredContent.event_id, payload);
        return undefined;
      };
      let refusal = await publish();
      while (refusal === undefined) refusal = await publish();
      // The last one may be in the log that the server reads when it starts.
      expect(refusal).toMatch(/The database does not answer \(.*\)\. Nothing is known to be stored/);
      expect(await health(bus)).toMatchObject({ code: 503, reason: "storage_failed" });
      disk.remove("rest");
      await server.kill();
      await server.start();
      await eventually("the bus stores again", async () => (await publish()) === undefined);
      expect((await health(bus)).code).toBe(200);
      const rows = selectedBy(url, "SELECT id, payload FROM events WHERE event_type = 't'", []);
      const stored = new Map(
        (rows as { id: number; payload: string }[]).map(({ id, payload }) => [id, payload]),
      );
      expect([...taken].filter(([id, payload]) => stored.get(id) !== payload)).toEqual([]);
      expect(await bus.stop()).toBe(0);
      console.log(`its log: ${taken.size} acknowledged, 0 lost`);
    } finally {
      await server.kill();
    }
  },
  120_000,
);
