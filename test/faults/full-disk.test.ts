import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Kind, type ProcessBus, startBus } from "../support/bus.ts";
import { canMount, type Disk, smallDisk } from "../support/disk.ts";
import { tempFolder } from "../support/folder.ts";
import { cpuMs, end, health, healthIs } from "../support/process.ts";
import { type Receiver, receiver } from "../support/receiver.ts";
import { callTool } from "../support/rpc.ts";
import { sqlite } from "../support/serve.ts";
import { eventually, hook } from "../support/webhook.ts";

const MIB = 1024 * 1024;
if (!canMount) console.log("skipped: full disk, unshare -rm cannot mount here");

/** What keeps a bus from writing, and how to end it. */
interface Fault {
  bus: ProcessBus;
  log: string;
  reason: string;
  says: RegExp;
  begin(): void;
  /** Takes what is left when the bus can store no event any more. */
  complete(): void;
  end(): void;
  integrity(): string;
}

async function fullDisk(kind: Kind): Promise<Fault & { disk: Disk }> {
  const disk = await smallDisk(6 * MIB);
  disk.fill("filler", 3 * MIB);
  const log = join(tempFolder(), "bus.log");
  const env = { AGENT_EVENT_BUS_LOG: log, AGENT_EVENT_BUS_ERR: `${log}.err` };
  const bus = await startBus(kind, { folder: disk.folder, inside: disk.inside, env });
  return {
    bus,
    disk,
    log,
    reason: "storage_full",
    says: /^publish_event: The disk that holds .* is full .*Nothing was stored\. Free some space and try again/,
    begin() {},
    complete: () => void disk.run(`cat /dev/zero > ${disk.folder}/rest 2>/dev/null || true`),
    end: () => disk.remove("filler"),
    integrity: disk.integrity,
  };
}

async function limitedFiles(kind: Kind): Promise<Fault> {
  const bus = await startBus(kind);
  const limit = (most: number | string) => {
    const { exitCode, stderr } = Bun.spawnSync([
      "prlimit",
      `--pid=${bus.process.pid}`,
      `--fsize=${most}:unlimited`,
    ]);
    if (exitCode !== 0) throw new Error(stderr.toString());
  };
  return {
    bus,
    log: join(bus.folder, "bus.log"),
    reason: "storage_failed",
    says: /^publish_event: The disk failed to write .*Nothing was stored. Check the disk/,
    begin: () => limit(2 * MIB),
    complete() {},
    end: () => limit("unlimited"),
    integrity: () => String(sqlite(bus.db, "SELECT 1").query("PRAGMA integrity_check").values()),
  };
}

/** Publishes ever smaller events until not even the smallest is taken; returns the ids of those that were. */
async function fill(fault: Fault): Promise<number[]> {
  const { bus, says } = fault;
  const taken: number[] = [];
  for (const size of [100_000, 10_000, 1]) {
    for (let refused = 0; refused < 3; ) {
      const args = { event_type: "t", payload: "x".repeat(size), session_id: "filler" };
      const result = await callTool(bus.url, "publish_event", args);
      if (result.isError) {
        expect(result.content[0].text).toMatch(says);
        refused++;
      } else taken.push(result.structuredContent.event_id);
    }
  }
  fault.complete();
  await healthIs(bus, 503);
  // A cursor still fits where an event does not.
  const ack = { session_id: "small", allow_rewind: true };
  for (let cursor = 1; ; cursor = 3 - cursor) {
    const result = await callTool(bus.url, "ack_events", { ...ack, cursor: `${cursor}` });
    if (result.isError) return taken;
    expect((await health(bus)).code).toBe(503);
  }
}

async function allIds(bus: ProcessBus): Promise<number[]> {
  const ids: number[] = [];
  for (let cursor = "0"; ; ) {
    const page = await bus.call("get_events", { cursor, limit: 1000, order: "asc" });
    ids.push(...page.events.map((event: { id: number }) => event.id));
    if (!page.has_more) return ids;
    cursor = page.next_cursor;
  }
}

/** Everything that must be readable while nothing can be written. */
async function expectReads(fault: Fault, reader: string, acknowledged: readonly number[]): Promise<number> {
  const { bus } = fault;
  expect(await allIds(bus)).toEqual(expect.arrayContaining([...acknowledged]));
  const resume = { session_id: reader, resume: true, order: "asc", limit: 5 };
  const { events: first } = await bus.call("get_events", { ...resume, peek: true });
  let reads = 0;
  for (let round = 0; round < 5; round++) {
    const answers = await Promise.all([
      ...Array.from({ length: 20 }, () => callTool(bus.url, "get_events", resume)),
      ...["list_sessions", "list_channels", "list_webhooks"].map((tool) => callTool(bus.url, tool)),
    ]);
    expect(answers.filter((answer) => answer.isError)).toEqual([]);
    for (const { structuredContent } of answers.slice(0, 20)) {
      expect(structuredContent.events).toEqual(first);
      expect(structuredContent.warning).toMatch(
        /^Your cursor was not saved, so a resume returns these events again: The disk/,
      );
    }
    expect(answers[20].structuredContent.result.map((s: { name: string }) => s.name)).toContain("reader");
    reads += answers.length;
    const refused = await callTool(bus.url, "register_session", { name: "late", client_id: "late" });
    expect(refused.content[0].text).toMatch(/^register_session: The disk /);
  }
  return reads;
}

/** So that some deliveries end when nothing can be written. */
async function slowly(): Promise<Response> {
  await Bun.sleep(500);
  return new Response(null, { status: 204 });
}

function deliveredTo(hooks: Receiver): number[] {
  return [...new Set(hooks.at("/").map((delivery) => delivery.json.event_id))].sort((a, b) => a - b);
}

/** Webhooks are neither lost nor sent without end, and the bus does next to nothing while it cannot write. */
async function restingCpu({ bus }: Fault, hooks: Receiver): Promise<number> {
  const sent = hooks.at("/").length;
  const before = cpuMs(bus.process.pid);
  await Bun.sleep(5_000);
  const used = cpuMs(bus.process.pid) - before;
  expect(used).toBeLessThan(1_000);
  expect(hooks.at("/").length - sent).toBeLessThan(10);
  return used;
}

function expectLogged({ log, reason }: Fault): void {
  const lines = readFileSync(log, "utf8").split("\n");
  const told = lines.filter((line) => /database takes/.test(line));
  expect(told.length).toBeLessThan(10);
  expect(told[0]).toContain(`error the database takes no writes (${reason}), reads go on`);
  expect(told.at(-1)).toContain("info  the database takes writes again, after");
  const unrecorded = lines.filter((line) =>
    /could not record the attempt yet: BusError: The disk /.test(line),
  );
  expect(unrecorded.length).toBeGreaterThan(0);
  expect(unrecorded.length).toBeLessThan(40);
  expect(lines.filter((line) => /unexpected/.test(line))).toEqual([]);
}

async function survive(what: string, kind: Kind, make: (kind: Kind) => Promise<Fault>): Promise<void> {
  const fault = await make(kind);
  const { bus } = fault;
  const hooks = receiver(slowly);
  await hook(bus, hooks.url());
  const { session_id } = await bus.call("register_session", { name: "reader", client_id: "reader" });
  await bus.call("register_session", { name: "small", client_id: "small" });
  const earlier = await allIds(bus);
  fault.begin();
  const acknowledged = await fill(fault);
  await healthIs(bus, 503);
  const degraded = await health(bus);
  expect(degraded).toMatchObject({ code: 503, status: "degraded", reason: fault.reason });
  expect(degraded.detail).toContain(bus.db);
  const reads = await expectReads(fault, session_id, acknowledged);
  const cpu = await restingCpu(fault, hooks);
  expect(await health(bus)).toMatchObject({ code: 503, reason: fault.reason, since: degraded.since });
  fault.end();
  const resumed = await healthIs(bus, 200);
  await expectGoesOn(fault, session_id, hooks, earlier, acknowledged);
  console.log(
    `${what}, ${kind}: ${acknowledged.length} events acknowledged, 0 lost; ${reads} of ${reads} reads answered; ${cpu} ms of processor time in 5 s; writing again ${resumed.toFixed(0)} ms after the end; ${hooks.at("/").length - earlier.length - acknowledged.length} webhooks sent twice`,
  );
}

/** The bus takes up where it was, and nothing is missing when it ends. */
async function expectGoesOn(
  fault: Fault,
  session_id: string,
  hooks: Receiver,
  earlier: readonly number[],
  acknowledged: number[],
): Promise<void> {
  const { bus } = fault;
  acknowledged.push((await bus.call("publish_event", { event_type: "t", payload: "again" })).event_id);
  const missed = await bus.call("get_events", { session_id, resume: true, order: "asc", limit: 5 });
  expect(missed.warning).toBeUndefined();
  expect(missed.events.map((event: { id: number }) => event.id)).toEqual(
    [...earlier.slice(1), ...acknowledged].slice(0, 5),
  );
  expect(await allIds(bus)).toEqual([...earlier, ...acknowledged]);
  await eventually(
    "every delivery is recorded",
    async () => {
      const { result } = await bus.call("list_deliveries", { limit: 1000 });
      return result.every((delivery: { state: string }) => delivery.state === "delivered");
    },
    40_000,
  );
  expect(deliveredTo(hooks)).toEqual([...earlier, ...acknowledged]);
  expect((await end(bus)).code).toBe(0);
  hooks.stop();
  expectLogged(fault);
  expect(fault.integrity()).toBe("ok");
}

const faults = [
  ["a full disk", fullDisk],
  ["files that may not grow (an I/O error)", limitedFiles],
] as const;

test.skipIf(!canMount).each(faults)(
  "%s costs no event, reads go on, and writing resumes by itself",
  async (what, make) => {
    await Promise.all([survive(what, "binary", make), survive(what, "node", make)]);
  },
);
