import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { type Kind, type ProcessBus, startBus } from "../support/bus.ts";
import { cpuMs, openFiles } from "../support/process.ts";
import { eventually } from "../support/webhook.ts";

const LIMIT = 64;
const CLIENTS = 200;
const GET = "GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
const KINDS: readonly Kind[] = ["binary", "node"];

/** A bus that may open that many files. */
function startWithin(files: number, kind: Kind): Promise<ProcessBus> {
  return startBus(kind, { inside: ["sh", "-c", `ulimit -n ${files} && exec "$@"`, "sh"] });
}

/** Processor time in so many seconds, ms. */
async function cpuIn(seconds: number, { process: { pid } }: ProcessBus): Promise<number> {
  const before = cpuMs(pid);
  await Bun.sleep(seconds * 1_000);
  return cpuMs(pid) - before;
}

/** A request that would wait for a minute. */
function waiting(): string {
  const body = JSON.stringify({
    ...{ jsonrpc: "2.0", id: 1, method: "tools/call" },
    params: { name: "get_events", arguments: { wait_seconds: 60 } },
  });
  return `POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}

test.skipIf(process.platform !== "linux").each(KINDS)(
  "%s: without a file descriptor left, a bus closes idle connections, answers others, and rests",
  async (kind) => {
    const bus = await startWithin(LIMIT, kind);
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
    expect(await cpuIn(2, bus)).toBeLessThan(1_000);
    for (const client of clients) client.destroy();
    await eventually("nothing is left behind", () => openFiles(bus.process.pid) <= files + 5, 15_000);
    expect(await bus.stop()).toBe(0);
    const log = readFileSync(join(bus.folder, "bus.log"), "utf8");
    expect(log).toContain("no file descriptor was left, so idle connections were closed.");
  },
);

test.skipIf(process.platform !== "linux").each(KINDS)(
  "%s: of 300 calls that would wait, those beyond a third of 128 files are told so, and others are answered",
  async (kind) => {
    const bus = await startWithin(128, kind);
    const clients: Socket[] = [];
    const refused: string[] = [];
    for (let i = 0; i < 300; i++) {
      const client = connect(bus.port, "127.0.0.1", () => client.write(waiting()));
      client.on("error", () => {});
      client.on("data", (data) => {
        const told = /\d+ calls are already waiting[^"\\]*/.exec(String(data))?.[0];
        if (told !== undefined) refused.push(told);
      });
      clients.push(client);
    }
    // Node itself closes the connections for which there is no descriptor.
    const least = kind === "binary" ? 300 - 42 : 1;
    await eventually("all others are refused", () => refused.length >= least, 15_000);
    expect(new Set(refused)).toEqual(
      new Set(["42 calls are already waiting (limit waiters). Call again without wait_seconds."]),
    );
    const cpu = await cpuIn(2, bus);
    expect(cpu).toBeLessThan(1_000);
    const { event_id } = await bus.call("publish_event", { event_type: "t", payload: "p" });
    expect(event_id).toBeGreaterThan(0);
    console.log(`300 waiting clients, 128 files (${kind}): ${cpu} ms of processor time in 2 s`);
    for (const client of clients) client.destroy();
    expect(await bus.stop()).toBe(0);
    expect(readFileSync(join(bus.folder, "bus.log"), "utf8")).toContain(
      "this process may open 128 files, so at most 42 calls wait at once (limit waiters).",
    );
  },
);

const UNASKED = {
  "half a head": "POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\n",
  "half a body": waiting().slice(0, -1),
} as const;

for (const [what, text] of Object.entries(UNASKED))
  test.skipIf(process.platform !== "linux").each(KINDS)(
    `%s: connections that send ${what} use up all files, and the bus rests and answers again`,
    async (kind) => {
      const bus = await startWithin(LIMIT, kind);
      const files = openFiles(bus.process.pid);
      const clients: Socket[] = [];
      for (let i = 0; i < CLIENTS; i++) {
        const client = connect(bus.port, "127.0.0.1", () => client.write(text));
        client.on("error", () => {});
        clients.push(client);
      }
      await eventually("the files are used up", () => openFiles(bus.process.pid) >= LIMIT - 5, 15_000);
      // The bus looks once a second.
      const cpu = await cpuIn(4, bus);
      expect(cpu).toBeLessThan(2_000);
      console.log(`connections with ${what} (${kind}): ${cpu} ms of processor time in 4 s`);
      for (const client of clients) client.destroy();
      await eventually("nothing is left behind", () => openFiles(bus.process.pid) <= files + 5, 15_000);
      expect((await bus.call("publish_event", { event_type: "t", payload: "p" })).event_id).toBeGreaterThan(
        0,
      );
      expect(await bus.stop()).toBe(0);
    },
  );
