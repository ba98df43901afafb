import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { type Kind, startBus } from "../support/bus.ts";
import { cpuMs, openFiles } from "../support/process.ts";
import { eventually } from "../support/webhook.ts";

const LIMIT = 64;
const CLIENTS = 200;
const GET = "GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";

test.skipIf(process.platform !== "linux").each(["binary", "node"] as Kind[])(
  "%s: without a file descriptor left, a bus closes idle connections, answers others, and rests",
  async (kind) => {
    const bus = await startBus(kind, { inside: ["sh", "-c", `ulimit -n ${LIMIT} && exec "$@"`, "sh"] });
    const files = openFiles(bus.process.pid);
    const clients: Socket[] = [];
    let answered = 0;
    for (let i = 0; i < CLIENTS; i++) {
      const client = connect(bus.port, "127.0.0.1", () => client.write(GET));
      client.on("error", () => {});
      client.once("data", () => answered++);
      clients.push(client);
    }
    // Node itself closes the connections for which there is no descriptor.
    const least = kind === "binary" ? CLIENTS : LIMIT - files - 5;
    await eventually("as many as possible are answered", () => answered >= least, 15_000);
    const publish = () => bus.call("publish_event", { event_type: "t", payload: "p" }).catch(() => undefined);
    await eventually("another client is answered", async () => (await publish())?.event_id > 0, 15_000);
    const before = cpuMs(bus.process.pid);
    await Bun.sleep(2_000);
    expect(cpuMs(bus.process.pid) - before).toBeLessThan(1_000);
    for (const client of clients) client.destroy();
    await eventually("nothing is left behind", () => openFiles(bus.process.pid) <= files + 5, 15_000);
    expect(await bus.stop()).toBe(0);
    const log = readFileSync(join(bus.folder, "bus.log"), "utf8");
    expect(log).toContain("no file descriptor was left, so idle connections were closed.");
  },
);
