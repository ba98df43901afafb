// The compiled bus while its PostgreSQL fails: it says so, stores nothing that it does not acknowledge, and goes on by itself.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { type ProcessBus, startBus } from "../support/bus.ts";
import { removeFolders } from "../support/folder.ts";
import { freePort } from "../support/port.ts";
import { noPostgres, onServer, type Server, selectedBy, startPostgres } from "../support/postgres.ts";
import { eventually } from "../support/webhook.ts";

const RECOVERS_MS = 30_000;
let server: Server;
let url: string;
let bus: ProcessBus;
let published = 0;

beforeAll(async () => {
  if (noPostgres !== null) return;
  server = await startPostgres(await freePort(), "max_connections=20", "superuser_reserved_connections=3");
  url = await server.database();
  await onServer(url, "CREATE ROLE plain LOGIN");
  await onServer(url, `ALTER DATABASE ${nameOf(url)} OWNER TO plain`);
  await onServer(url, "GRANT ALL ON SCHEMA public TO plain");
  const plain = new URL(url);
  plain.username = "plain";
  bus = await startBus("binary", { db: null, outlives: true, env: { AGENT_EVENT_BUS_DB: plain.href } });
});

afterAll(async () => {
  await bus?.kill();
  await server?.kill();
  removeFolders();
});

const nameOf = (text: string) => new URL(text).pathname.slice(1);

/** Publishes, and tells if that was acknowledged. Its payload is new each time. */
async function publishes(): Promise<{ payload: string; id: number | undefined }> {
  const payload = `p${++published}`;
  const answer = await bus.call("publish_event", { event_type: "t", payload }).catch(() => undefined);
  return { payload, id: answer?.event_id };
}

async function health(): Promise<{ status: number; reason?: string; detail?: string }> {
  const answer = await fetch(new URL("/health", bus.url));
  return { ...((await answer.json()) as object), status: answer.status };
}

const works = async () => (await publishes()).id !== undefined;
const recovers = async () => {
  await eventually("the bus stores again", works, RECOVERS_MS);
  expect((await health()).status).toBe(200);
};

/** The payloads that the database holds, in the order of their ids. */
const stored = () =>
  selectedBy(url, "SELECT id, payload FROM events WHERE event_type = 't' ORDER BY id", []) as {
    id: number;
    payload: string;
  }[];

describe.skipIf(noPostgres !== null)("a bus whose PostgreSQL fails", () => {
  beforeEach(() => eventually("the bus stores", works, RECOVERS_MS));

  test("is stopped and started: degraded with the reason, nothing lost, and it goes on", async () => {
    const acknowledged = await publishes();
    await server.kill();
    const failed = await publishes();
    expect(failed.id).toBeUndefined();
    expect(await health()).toMatchObject({ status: 503, reason: "storage_failed" });
    expect((await health()).detail).toStartWith("The database does not answer");
    await server.start();
    await recovers();
    const kept = stored();
    expect(kept).toContainEqual({ id: Number(acknowledged.id), payload: acknowledged.payload });
    expect(kept.map(({ payload }) => payload)).not.toContain(failed.payload);
    const next = await publishes();
    expect(stored().at(-1)).toEqual({ id: Number(next.id), payload: next.payload });
  });

  test("cuts every connection: the next calls work", async () => {
    const cut = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`;
    await onServer(url, cut);
    await recovers();
    const waiting = bus.call("get_events", { event_types: ["t2"], wait_seconds: 30, cursor: 0 });
    await bus.call("publish_event", { event_type: "t2", payload: "x" });
    expect((await waiting).events).toHaveLength(1);
  });

  test("takes reads only: reads go on, writes are refused with what to do", async () => {
    const { id } = await publishes();
    await onServer(url, "ALTER ROLE plain SET default_transaction_read_only = on");
    const cut = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'plain'`;
    await onServer(url, cut);
    await eventually("it is degraded", async () => {
      await publishes();
      return (await health()).reason === "storage_readonly";
    });
    expect((await health()).detail).toContain("Give the bus the primary server");
    const { events } = await bus.call("get_events", { event_types: ["t"], limit: 1 });
    expect(events[0].id).toBe(id);
    await onServer(url, "ALTER ROLE plain RESET default_transaction_read_only");
    await onServer(url, cut);
    await recovers();
  });

  test("is locked by another program: reads go on, writes end with a reason, and go on after", async () => {
    const { id } = await publishes();
    const lock = "BEGIN; LOCK TABLE sequencer IN EXCLUSIVE MODE; SELECT pg_sleep(60)";
    const locker = Bun.spawn(["psql", url, "-qc", lock], { stdout: "ignore", stderr: "ignore" });
    const isLocked = () =>
      selectedBy(
        url,
        "SELECT 1 FROM pg_locks WHERE relation = 'sequencer'::regclass AND mode = 'ExclusiveLock' AND granted",
        [],
      ).length > 0;
    await eventually("it is locked", isLocked);
    const failing = publishes();
    const { events } = await bus.call("get_events", { event_types: ["t"], limit: 1 });
    expect(events[0].id).toBe(id);
    const failed = await failing;
    expect(failed.id).toBeUndefined();
    expect(await health()).toMatchObject({ status: 503, reason: "storage_busy" });
    await onServer(
      url,
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'BEGIN; LOCK%'",
    );
    await locker.exited;
    await recovers();
    expect(stored().map(({ payload }) => payload)).not.toContain(failed.payload);
  });

  test("has no connection left for it: what it has goes on", async () => {
    const plain = url.replace("bus@", "plain@");
    const psql = (text: string) =>
      Bun.spawn(["psql", plain, "-qc", text], { stdout: "ignore", stderr: "pipe" });
    const sleepers = Array.from({ length: 20 }, () => psql("SELECT pg_sleep(60)"));
    await eventually("no connection is left", async () => {
      const asked = psql("SELECT 1");
      return (await new Response(asked.stderr).text()).includes("remaining connection slots");
    });
    const cut = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' AND pid <> pg_backend_pid()`;
    try {
      for (let i = 0; i < 20; i++) {
        // More at once than it has connections.
        const reads = Array.from({ length: 8 }, () =>
          bus.call("get_events", { event_types: ["t"], limit: 1 }),
        );
        expect((await publishes()).id).toBeNumber();
        for (const read of await Promise.all(reads)) expect(read.events).toHaveLength(1);
      }
    } finally {
      await onServer(url, cut);
      await Promise.all(sleepers.map(({ exited }) => exited));
    }
    await recovers();
  });
});
