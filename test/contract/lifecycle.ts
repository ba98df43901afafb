import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { existsSync, statSync } from "node:fs";
import type { Socket } from "node:net";
import { join as path } from "node:path";
import { join, payloads, publish, resume, savedCursor } from "../support/agent.ts";
import { type Kind, type ProcessBus, startBus } from "../support/bus.ts";
import { onSqlite } from "../support/engine.ts";
import { tempFolder } from "../support/folder.ts";
import { hold, post, type RawAnswer, readAnswer } from "../support/raw.ts";
import { rpc } from "../support/rpc.ts";

if (!onSqlite)
  console.log("skipped: three tests that change the file of the database, which is on PostgreSQL");

const MOST_WAITERS = 1024;
const LIST = { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "list_sessions" } };

/** A connection with a get_events that waits, and its answer. */
async function waiter(
  bus: ProcessBus,
  args: Record<string, unknown>,
): Promise<{ socket: Socket; answer: Promise<RawAnswer> }> {
  const params = { name: "get_events", arguments: { wait_seconds: 300, order: "asc", ...args } };
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params });
  const socket = await hold(bus.port, post(body, { accept: "application/json", connection: "keep-alive" }));
  return { socket, answer: readAnswer(socket, 20_000) };
}

/** Starts a bus again on the same folder and port. */
function again(kind: Kind, { folder, port }: ProcessBus): Promise<ProcessBus> {
  return startBus(kind, { folder, port });
}

/** A database of the original with sessions that never saved a cursor, and no event. */
function oldDatabase(ids: string[]): string {
  const folder = tempFolder();
  const db = new Database(path(folder, "data.db"), { create: true });
  db.run("CREATE TABLE schema_version (version INTEGER PRIMARY KEY); INSERT INTO schema_version VALUES (5)");
  db.run(`CREATE TABLE sessions (id TEXT PRIMARY KEY, display_id TEXT NOT NULL, name TEXT NOT NULL, machine TEXT NOT NULL,
    cwd TEXT NOT NULL, repo TEXT NOT NULL, registered_at TIMESTAMP NOT NULL, last_heartbeat TIMESTAMP NOT NULL,
    client_id TEXT, last_cursor TEXT, deleted_at TIMESTAMP)`);
  db.run(`CREATE TABLE events (id INTEGER PRIMARY KEY AUTOINCREMENT, event_type TEXT NOT NULL, payload TEXT NOT NULL,
    session_id TEXT NOT NULL, timestamp TIMESTAMP NOT NULL, channel TEXT NOT NULL, correlation_id TEXT, payload_meta TEXT)`);
  db.run(`CREATE TABLE webhooks (id INTEGER PRIMARY KEY AUTOINCREMENT, url TEXT NOT NULL, channel_filter TEXT,
    event_types TEXT, created_at TIMESTAMP NOT NULL, active INTEGER NOT NULL DEFAULT 1, secret TEXT)`);
  const insert = db.prepare(
    "INSERT INTO sessions VALUES (?, ?, 'old', 'laptop', '/x', 'x', ?, ?, ?, NULL, NULL)",
  );
  for (const id of ids) insert.run(id, `old-${id}`, "2026-01-01T10:00:00", "2026-01-01T10:00:00", id);
  db.close();
  return folder;
}

/** Promises of WIRE.md 1, 4 and 5 that need a bus of their own: restarts, shutdown, bounds, old rows, a busy store. */
export function lifecycle(kind: Kind): void {
  test.each(["SIGTERM", "SIGKILL"] as const)(
    "after %s and a new start the next call works, and nothing is lost",
    async (signal) => {
      const before = await startBus(kind);
      const init = {
        protocolVersion: "2025-11-25",
        capabilities: {},
        clientInfo: { name: "t", version: "1" },
      };
      const { headers } = await rpc(before.url, {
        jsonrpc: "2.0",
        id: 0,
        method: "initialize",
        params: init,
      });
      const { session_id } = await join(before);
      const id = await publish(before, "kept");
      if (signal === "SIGTERM") expect(await before.stop()).toBe(0);
      else await before.kill();
      const after = await again(kind, before);
      const session = { "mcp-session-id": headers.get("mcp-session-id") ?? "" };
      expect((await rpc(after.url, LIST, session)).message.result.structuredContent.result).toHaveLength(1);
      expect(await payloads(resume(after, session_id))).toEqual(["kept"]);
      expect(await publish(after)).toBe(id + 1);
      await after.kill();
    },
  );

  test.if(onSqlite)(
    "an id is never used twice, even when the newest event is gone from the file",
    async () => {
      const before = await startBus(kind);
      const id = await publish(before);
      await before.stop();
      const db = new Database(before.db);
      db.run("DELETE FROM events WHERE id = ?", [id]);
      db.close();
      const after = await again(kind, before);
      expect(await publish(after)).toBe(id + 1);
      await after.kill();
    },
  );

  test("shutdown answers every waiting call, takes no new one, exits 0 and leaves one file", async () => {
    const bus = await startBus(kind);
    const { session_id, cursor } = await join(bus);
    const waiters = await Promise.all(
      Array.from({ length: 50 }, () => waiter(bus, { session_id, resume: true })),
    );
    const idle = await hold(bus.port, "");
    const kept = await hold(bus.port, post(JSON.stringify(LIST), { connection: "keep-alive" }));
    await readAnswer(kept);
    await Bun.sleep(200);
    const began = performance.now();
    const stopped = bus.stop();
    for (const { answer } of waiters) {
      const { status, body } = await answer;
      expect(status).toBe(200);
      expect(JSON.parse(body).result.structuredContent).toEqual({
        events: [],
        next_cursor: cursor,
        has_more: false,
      });
    }
    expect(await stopped).toBe(0);
    expect(performance.now() - began).toBeLessThan(5_000);
    expect(fetch(bus.url)).rejects.toThrow();
    const wal = `${bus.db}-wal`;
    expect(existsSync(wal) ? statSync(wal).size : 0).toBe(0);
    for (const socket of [idle, kept, ...waiters.map((each) => each.socket)]) socket.destroy();
  });

  test("a client that waits again as soon as it is answered does not hold the shutdown up", async () => {
    const bus = await startBus(kind);
    const cursor = await publish(bus);
    let over = false;
    const polling = Promise.all(
      Array.from({ length: 8 }, async () => {
        while (!over) await bus.call("get_events", { cursor, wait_seconds: 60 }).catch(() => Bun.sleep(20));
      }),
    );
    await Bun.sleep(200);
    const began = performance.now();
    expect(await bus.stop()).toBe(0);
    expect(performance.now() - began).toBeLessThan(5_000);
    over = true;
    await polling;
  });

  test("a second SIGTERM ends the bus at once", async () => {
    const bus = await startBus(kind);
    const half = await hold(bus.port, post("{", { "content-length": "100" }));
    await Bun.sleep(100);
    const began = performance.now();
    bus.process.kill("SIGTERM");
    await Bun.sleep(200);
    bus.process.kill("SIGTERM");
    await bus.process.exited;
    expect(performance.now() - began).toBeLessThan(5_000);
    half.destroy();
  });

  test(`${MOST_WAITERS} calls may wait; the next one is refused, and one publish answers them all`, async () => {
    const bus = await startBus(kind);
    const cursor = await publish(bus);
    const all = await Promise.all(Array.from({ length: MOST_WAITERS + 1 }, () => waiter(bus, { cursor })));
    // The first answer says that the others wait; a busy machine takes its time to get there.
    const first = await Promise.race(all.map(async (one) => ({ one, ...(await one.answer) })));
    const refused = JSON.parse(first.body).result;
    expect(refused.isError).toBe(true);
    expect(refused.content[0].text).toContain("wait_seconds");
    expect((await bus.call("get_events", { cursor })).events).toEqual([]);
    await publish(bus, "for all");
    const waiters = all.filter((one) => one !== first.one);
    const answers = await Promise.all(waiters.map(({ answer }) => answer));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(answers.filter(({ body }) => !body.includes("for all"))).toEqual([]);
    await publish(bus);
    expect((await bus.call("get_events", { cursor, wait_seconds: 5 })).events).toHaveLength(2);
    for (const { socket } of all) socket.destroy();
    await bus.kill();
  });

  test.if(onSqlite)(
    "/health and reads answer while another program holds the database; the publish comes through after",
    async () => {
      const bus = await startBus(kind);
      const id = await publish(bus);
      const db = new Database(bus.db);
      db.run("PRAGMA busy_timeout = 5000");
      db.run("BEGIN IMMEDIATE");
      const publishing = publish(bus, "patient");
      await Bun.sleep(50);
      for (let i = 0; i < 5; i++) {
        const began = performance.now();
        expect((await fetch(new URL("/health", bus.url))).status).toBe(200);
        expect((await bus.call("get_events", { limit: 1 })).events[0].id).toBe(id);
        expect(performance.now() - began).toBeLessThan(5_000);
      }
      db.run("ROLLBACK");
      db.close();
      expect(await publishing).toBe(id + 1);
      await bus.kill();
    },
  );

  test.if(onSqlite)(
    "a live session of the original without a cursor starts at the tip, and an empty bus takes the cursor 0 only",
    async () => {
      const bus = await startBus(kind, { folder: oldDatabase(["a", "b", "c"]) });
      const ack = (cursor: string) => bus.call("ack_events", { session_id: "c", cursor });
      expect(await ack("1")).toEqual({ error: expect.any(String), session_id: "c", cursor: null, tip: "0" });
      expect(await ack("x")).toEqual({ error: expect.any(String), session_id: "c", cursor: null });
      expect(await ack("0")).toEqual({ success: true, session_id: "c", cursor: "0", previous_cursor: null });
      const tip = String(await publish(bus, "before", { channel: "room" }));
      const empty = { events: [], next_cursor: tip, has_more: false };
      for (const unsaving of [{ peek: true }, { channel: "room" }]) {
        expect(await resume(bus, "a", unsaving)).toEqual(empty);
        expect(await savedCursor(bus, "a")).toBeNull();
      }
      expect(await resume(bus, "a")).toEqual(empty);
      expect(await savedCursor(bus, "a")).toBe(tip);
      await publish(bus, "after");
      expect(await payloads(resume(bus, "a"))).toEqual(["after"]);
      const anywhere = await bus.call("ack_events", { session_id: "b", cursor: "0" });
      expect(anywhere).toMatchObject({ success: true, previous_cursor: null });
      await bus.kill();
    },
  );
}
