// A move is killed again and again, and so is its server: the target has everything or nothing, and no bus comes between.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { startBus } from "../support/bus.ts";
import { startOnTerminal } from "../support/cli.ts";
import { removeFolders, tempFolder } from "../support/folder.ts";
import { bytesIn, dumpOfFile, dumpOfServer, migrate, writeFull } from "../support/moving.ts";
import { freePort } from "../support/port.ts";
import { noPostgres, type Server, selectedBy, startPostgres } from "../support/postgres.ts";
import { eventually } from "../support/webhook.ts";

const EVENTS = 100_000;
const ROUNDS = Number(process.env.AEB_TEST_KILL_ROUNDS ?? 5);
const TIMEOUT_MS = 600_000;

let server: Server;
let db: string;
/** All that the file holds, and how PostgreSQL shows it. */
let inFile: Record<string, unknown>;
let onServer: Record<string, unknown>;
let bytes: Record<string, string>;

beforeAll(async () => {
  if (noPostgres !== null) return;
  server = await startPostgres(await freePort(), "fsync=on");
  db = join(tempFolder(true), "data.db");
  writeFull(db, EVENTS);
  [inFile, bytes] = [dumpOfFile(db), bytesIn(dirname(db))];
  const url = await server.database();
  await ended(db, url);
  onServer = dumpOfServer(url);
}, TIMEOUT_MS);

afterAll(async () => {
  await server?.kill();
  removeFolders();
});

/** Moves undisturbed. */
async function ended(from: string, to: string): Promise<void> {
  const { code, stderr } = await migrate(from, to);
  expect([code, stderr]).toEqual([0, ""]);
}

/** Starts a move and kills it: at once, or after a random number of rows was moved, or moved and compared. */
async function killed(from: string, to: string): Promise<void> {
  const at = Math.random() * 2.1 - 0.1;
  const { child, shown } = await startOnTerminal(["migrate", "--to", to], {
    env: { AGENT_EVENT_BUS_DB: from },
  });
  await eventually("rows arrive", () => child.exitCode !== null || shareIn(shown()) >= at, 60_000);
  child.kill("SIGKILL");
  await child.exited;
  // The server may still be at what it was last told.
  await eventually("the server knows", () => Bun.deepEquals(movesOn(server), [{ count: 0 }]), 60_000);
}

/** The share of rows that was moved, plus that of rows that were compared. */
function shareIn(shown: string): number {
  const [, doing, rows, of] = [...shown.matchAll(/(moving|comparing) .* (\d+) of (\d+) rows/g)].at(-1) ?? [];
  return doing === undefined ? -0.05 : Number(rows) / Number(of) + (doing === "comparing" ? 1 : 0);
}

const movesOn = ({ port }: Server) =>
  selectedBy(
    `postgres://bus@127.0.0.1:${port}/postgres`,
    "SELECT count(*) AS count FROM pg_stat_activity WHERE application_name = 'agent-event-bus migrate'",
    [],
  );

/** Starts a move, and resolves once the first rows have arrived. */
async function underWay(from: string, to: string) {
  const started = await startOnTerminal(["migrate", "--to", to], { env: { AGENT_EVENT_BUS_DB: from } });
  await eventually("rows arrive", () => /moving +events/.test(started.shown()), 60_000);
  return started;
}

const isEmpty = (url: string) =>
  selectedBy(url, "SELECT count(*) AS count FROM pg_tables WHERE schemaname = 'public'", []);

describe.skipIf(noPostgres !== null)("a move", () => {
  test(
    `to PostgreSQL, killed ${ROUNDS} times, leaves nothing each time and ends at last`,
    async () => {
      let url = await server.database();
      let whole = 0;
      for (let round = 0; round < ROUNDS; round++) {
        await killed(db, url);
        expect(bytesIn(dirname(db))).toEqual(bytes);
        if (Bun.deepEquals(isEmpty(url), [{ count: 0 }])) continue;
        whole++;
        expect(dumpOfServer(url)).toEqual(onServer);
        url = await server.database();
      }
      console.log(`${ROUNDS} kills, ${whole} of them after the end`);
      await ended(db, url);
      expect(dumpOfServer(url)).toEqual(onServer);
    },
    TIMEOUT_MS,
  );

  test(
    `back into a file, killed ${ROUNDS} times, leaves no file each time and ends at last`,
    async () => {
      const url = await server.database();
      await ended(db, url);
      const folder = tempFolder();
      let whole = 0;
      const path = () => join(folder, `back-${whole}.db`);
      for (let round = 0; round < ROUNDS; round++) {
        await killed(url, path());
        if (!existsSync(path())) continue;
        expect(dumpOfFile(path())).toEqual(inFile);
        whole++;
      }
      console.log(`${ROUNDS} kills, ${whole} of them after the end`);
      expect(dumpOfServer(url)).toEqual(onServer);
      await ended(url, path());
      expect(dumpOfFile(path())).toEqual(inFile);
      expect(readdirSync(folder).filter((name) => name.includes("partial"))).toEqual([]);
    },
    TIMEOUT_MS,
  );

  test(
    "under way keeps buses from its source and its target",
    async () => {
      const [url, back] = [await server.database(), join(tempFolder(), "back.db")];
      const onUrl = () => startBus("binary", { db: null, env: { AGENT_EVENT_BUS_DB: url } });
      const onFile = (path: string) => startBus("binary", { db: null, args: ["--db", path] });
      const there = await underWay(db, url);
      there.child.kill("SIGSTOP");
      await Promise.all([
        expect(onUrl()).rejects.toThrow("is being changed by another agent-event-bus"),
        expect(onFile(db)).rejects.toThrow(`in use by another agent-event-bus (process ${there.child.pid})`),
      ]);
      there.child.kill("SIGCONT");
      expect(await there.child.exited).toBe(0);
      const again = await underWay(url, back);
      again.child.kill("SIGSTOP");
      await Promise.all([
        expect(onUrl()).rejects.toThrow("is being changed by another agent-event-bus"),
        expect(onFile(back)).rejects.toThrow("in use by another agent-event-bus"),
      ]);
      again.child.kill("SIGCONT");
      expect(await again.child.exited).toBe(0);
      expect(dumpOfFile(back)).toEqual(inFile);
    },
    TIMEOUT_MS,
  );

  test(
    "whose server is killed says that nothing was moved, on either side",
    async () => {
      const [url, back] = [await server.database(), join(tempFolder(), "back.db")];
      const there = await underWay(db, url);
      await server.kill();
      expect(await there.child.exited).toBe(1);
      expect(there.shown()).toMatch(/Nothing was moved\. The database postgres:\S+ cannot be reached/);
      await server.start();
      expect(isEmpty(url)).toEqual([{ count: 0 }]);
      await ended(db, url);
      const again = await underWay(url, back);
      await server.kill();
      expect(await again.child.exited).toBe(1);
      expect(again.shown()).toMatch(/Nothing was moved\. The database postgres:\S+ cannot be reached/);
      expect(readdirSync(dirname(back))).toEqual(["back.db.lock"]);
      await server.start();
      await ended(url, back);
      expect(dumpOfFile(back)).toEqual(inFile);
    },
    TIMEOUT_MS,
  );
});
