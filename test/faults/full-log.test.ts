import { expect, test } from "bun:test";
import { join } from "node:path";
import { type Kind, programOf, startBus } from "../support/bus.ts";
import { canMount, smallDisk } from "../support/disk.ts";
import { tempFolder } from "../support/folder.ts";
import { freePort } from "../support/port.ts";
import { health } from "../support/process.ts";
import { callTool } from "../support/rpc.ts";
import { eventually } from "../support/webhook.ts";

const MIB = 1024 * 1024;
if (!canMount) console.log("skipped: full disk of the log, unshare -rm cannot mount here");

test.skipIf(!canMount)(
  "the full disk of a log costs no call, and what comes later is logged again",
  async () => {
    const disk = await smallDisk(MIB);
    disk.fill("filler", MIB - 64 * 1024);
    const env = {
      AGENT_EVENT_BUS_LOG: `${disk.folder}/bus.log`,
      AGENT_EVENT_BUS_ERR: `${disk.folder}/bus.err`,
    };
    const inside = [...disk.inside, "env", `HOME=${tempFolder()}`];
    const bus = await startBus("binary", { inside, env });
    const publish = () => bus.call("publish_event", { event_type: "t", payload: "x".repeat(200) });
    for (let i = 1; i <= 1_000; i++) expect(await publish()).toMatchObject({ event_id: i });
    expect(await health(bus)).toMatchObject({ code: 200, status: "ok" });
    disk.remove("filler");
    expect(await publish()).toMatchObject({ event_id: 1_001 });
    expect(await bus.stop()).toBe(0);
    const lines = disk.run(`cat ${disk.folder}/bus.log`).split("\n");
    expect(lines.at(-1)).toContain("#1001");
    expect(lines.length).toBeLessThan(900);
    expect(lines.filter((line) => /T[\d:.]+.*\d{4}-\d\d-\d\dT/.test(line))).toEqual([]);
    const told = (await new Response(bus.process.stderr).text()).trim().split("\n");
    expect(told).toHaveLength(1);
    console.log(
      `a log on a full disk: 1000 of 1000 calls answered, ${lines.length} lines kept, 1 line on stderr`,
    );
  },
);

test.skipIf(process.platform !== "linux").each(["binary", "node"] as Kind[])(
  "%s: a bus goes on when its stdout, its stderr and its log take nothing",
  async (kind) => {
    const folder = tempFolder();
    const port = await freePort();
    const words = [
      ...(await programOf(kind)),
      "serve",
      "--port",
      String(port),
      "--db",
      join(folder, "data.db"),
    ];
    const full = { AGENT_EVENT_BUS_LOG: "/dev/full", AGENT_EVENT_BUS_ERR: "/dev/full" };
    const child = Bun.spawn(["sh", "-c", 'exec "$@" >/dev/full 2>/dev/full', "sh", ...words], {
      cwd: folder,
      env: { PATH: process.env.PATH ?? "", HOME: folder, ...full },
    });
    const url = `http://127.0.0.1:${port}/mcp`;
    const publish = () =>
      callTool(url, "publish_event", { event_type: "t", payload: "p" }).catch(() => undefined);
    await eventually("the bus answers", async () => (await publish()) !== undefined);
    await Bun.sleep(300);
    expect((await publish())?.structuredContent).toMatchObject({ event_id: expect.any(Number) });
    child.kill("SIGTERM");
    expect(await child.exited).toBe(0);
  },
);
