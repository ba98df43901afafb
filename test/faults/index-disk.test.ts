import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { publish } from "../support/agent.ts";
import { startBus } from "../support/bus.ts";
import { canMount, smallDisk } from "../support/disk.ts";
import { tempFolder } from "../support/folder.ts";
import { health } from "../support/process.ts";
import { eventually } from "../support/webhook.ts";

const MIB = 1024 * 1024;
if (!canMount) console.log("skipped: small disk, unshare -rm cannot mount here");

test.skipIf(!canMount)(
  "on a disk with little room the index waits without a word, and publishing goes on",
  async () => {
    const disk = await smallDisk(128 * MIB);
    disk.fill("filler", 80 * MIB);
    const log = join(tempFolder(), "bus.log");
    const env = { AGENT_EVENT_BUS_LOG: log, AGENT_EVENT_BUS_ERR: `${log}.err` };
    const bus = await startBus("binary", { folder: disk.folder, inside: disk.inside, env });
    for (let i = 0; i < 30; i++)
      await Promise.all(Array.from({ length: 100 }, () => publish(bus, "something to find ".repeat(5))));
    const behind = async () =>
      ((await health(bus)) as { search?: { indexed: number; events: number } }).search;
    await Bun.sleep(4_000);
    expect(await behind()).toEqual({ indexed: 0, events: 3_000 });
    expect(await health(bus)).toMatchObject({ status: "ok" });
    await publish(bus, "the LAST one");
    const { events } = await bus.call("get_events", { text: "the last", limit: 5 });
    expect(events).toMatchObject([{ id: 3_001 }]);
    expect(readFileSync(log, "utf8")).not.toMatch(/warn|error|disk|full/i);
    disk.remove("filler");
    await eventually("the index is filled", async () => (await behind()) === undefined, 60_000);
    await bus.stop();
  },
  120_000,
);
