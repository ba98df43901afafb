// The compiled bus on a PostgreSQL: how it is chosen, what it refuses, and that nobody sees the password.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { problemOf } from "../../src/postgres/open.ts";
import { startBus } from "../support/bus.ts";
import { cli } from "../support/cli.ts";
import { removeFolders, tempFolder } from "../support/folder.ts";
import { freePort } from "../support/port.ts";
import { GUARDED, noPostgres, onServer, type Server, startPostgres } from "../support/postgres.ts";
import { serveUntilExit } from "../support/serve.ts";

const PASSWORD = "p-4-ss-w0rd";
let server: Server;

beforeAll(async () => {
  if (noPostgres !== null) return;
  server = await startPostgres(await freePort());
  const url = await server.database();
  await onServer(url, `CREATE ROLE ${GUARDED} LOGIN SUPERUSER PASSWORD '${PASSWORD}'`);
});

afterAll(async () => {
  await server?.kill();
  removeFolders();
});

/** The URL with a user who needs a password. */
function guarded(url: string, password?: string): string {
  const made = new URL(url);
  made.username = GUARDED;
  if (password !== undefined) made.password = password;
  return made.href;
}

const onPostgres = (url: string) => startBus("binary", { db: null, env: { AGENT_EVENT_BUS_DB: url } });

const refused = (url: string) =>
  serveUntilExit({ folder: tempFolder(), args: ["--port", "0"], env: { AGENT_EVENT_BUS_DB: url } });

describe.skipIf(noPostgres !== null)("a bus on PostgreSQL", () => {
  test("keeps its events when it is stopped and started", async () => {
    const url = await server.database();
    const first = await onPostgres(url);
    await first.call("publish_event", { event_type: "t", payload: "kept" });
    expect(await first.stop()).toBe(0);
    const second = await onPostgres(url);
    const { events } = await second.call("get_events", { event_types: ["t"] });
    expect(events).toMatchObject([{ payload: "kept" }]);
    await second.stop();
  });

  test("two of them are one bus", async () => {
    const url = await server.database();
    const [here, there] = [await onPostgres(url), await onPostgres(url)];
    const waiting = there.call("get_events", { event_types: ["t"], wait_seconds: 30, cursor: 0 });
    await here.call("publish_event", { event_type: "t", payload: "across" });
    expect((await waiting).events).toMatchObject([{ payload: "across" }]);
    await Promise.all([here.stop(), there.stop()]);
  });

  test("takes the password from the URL, or from a file, and shows it nowhere", async () => {
    const url = await server.database();
    const pass = join(tempFolder(), "pass");
    writeFileSync(pass, `127.0.0.1:*:*:${GUARDED}:${PASSWORD}\n`, { mode: 0o600 });
    for (const [text, env] of [
      [guarded(url, PASSWORD), {}],
      [guarded(url), { PGPASSFILE: pass }],
    ] as const) {
      const folder = tempFolder();
      const data = join(folder, ".claude", "contrib", "agent-event-bus");
      mkdirSync(data, { recursive: true });
      const port = await freePort();
      const settings = `PORT=${port}\nAGENT_EVENT_BUS_DB=${text}\n`;
      writeFileSync(join(data, "settings.env"), settings, { mode: 0o600 });
      const bus = await startBus("binary", { folder, port, db: null, env: { ...env } });
      const asked = [["status"], ["status", "--json"], ["doctor"], ["install", "server", "--dry-run"]];
      const shown: string[] = [];
      for (const words of asked) {
        const { stdout, stderr } = await cli(words, { env: { HOME: folder } });
        shown.push(stdout + stderr);
      }
      const health = await fetch(new URL("/health", bus.url));
      expect(health.status).toBe(200);
      shown.push(readFileSync(`/proc/${bus.process.pid}/cmdline`, "utf8"), await health.text());
      await bus.stop();
      for (const log of ["bus.log", "bus.err"])
        shown.push(readFileSync(join(folder, log), { encoding: "utf8", flag: "a+" }));
      for (const one of shown) expect(one).not.toContain(PASSWORD);
      expect(shown[0]).toContain(`postgres://127.0.0.1:${server.port}/`);
      expect(JSON.parse(shown[1] ?? "")).toMatchObject({ running: true, pid: bus.process.pid });
      expect(shown.join("\n")).toContain(`database postgres://127.0.0.1:${server.port}/bus_`);
    }
  });

  test("says in one line why a database cannot be used", async () => {
    const url = await server.database();
    const other = new URL(url);
    other.port = String(await freePort());
    const missing = new URL(url);
    missing.pathname = "/nothing";
    const later = await server.database();
    await onServer(later, "CREATE TABLE schema_version (version integer PRIMARY KEY)");
    await onServer(later, "INSERT INTO schema_version VALUES (999)");
    const fixed = await server.database();
    await onServer(
      fixed,
      `ALTER DATABASE ${new URL(fixed).pathname.slice(1)} SET default_transaction_read_only = on`,
    );
    const fast = await server.database();
    await onServer(fast, `ALTER DATABASE ${new URL(fast).pathname.slice(1)} SET synchronous_commit = off`);
    for (const [given, says] of [
      [
        other.href,
        /cannot be reached \(.*ECONNREFUSED.*\)\. Start the server, or correct AGENT_EVENT_BUS_DB/,
      ],
      [guarded(url, "wrong-secret"), /refuses the password/],
      [guarded(url), /asks for a password/],
      [missing.href, /does not exist \(.*\)\. Make it: createdb/],
      [`${url}?sslmode=require`, /does not encrypt connections .*sslmode=disable/],
      [later, /schema version 999, from a newer release/],
      [fixed, /takes reads only \(default_transaction_read_only\)/],
      [fast, /has synchronous_commit=off, which could lose acknowledged events/],
    ] as const) {
      const ended = await refused(given);
      expect(ended.stderr).toMatch(says);
      expect(ended.stderr.trim().split("\n")).toHaveLength(1);
      expect(ended.stderr).not.toContain("wrong-secret");
      expect([ended.code, ended.stdout]).toEqual([1, ""]);
    }
  });
});

test("too old a server, and a replica, are refused", () => {
  const fine = { version: 140_000, isReplica: false, isReadOnly: false, synchronousCommit: "on" };
  expect(problemOf(fine)).toBeNull();
  expect(problemOf({ ...fine, synchronousCommit: "remote_apply" })).toBeNull();
  expect(problemOf({ ...fine, version: 130_014 })).toStartWith("is on PostgreSQL 13, but the bus needs 14");
  expect(problemOf({ ...fine, isReplica: true, isReadOnly: true })).toStartWith("is a read-only replica");
});
