// No reader with a cursor ever misses an event of any bus, however long a transaction stalls.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { connect } from "../../../src/postgres/connection.ts";
import { removeFolders } from "../../support/folder.ts";
import { freePort } from "../../support/port.ts";
import { noPostgres, type Server, startPostgres } from "../../support/postgres.ts";
import { openAt } from "../open_at.ts";

const SECONDS = Number(process.env.AEB_TEST_SKIP_SECONDS ?? 10);
const BUSES = 4;
const READERS = 16;
const TIMEOUT_MS = (SECONDS + 60) * 1000;
const testHere = test.skipIf(noPostgres !== null);

let server: Server;

beforeAll(async () => {
  if (noPostgres === null) server = await startPostgres(await freePort());
});

afterAll(async () => {
  await server?.kill();
  removeFolders();
});

/** Some transactions stall between their insert and their commit. */
const STALLS = (table: string) => [
  `CREATE FUNCTION stall() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN IF random() < 0.02 THEN PERFORM pg_sleep(random() * 0.05); END IF; RETURN NULL; END'`,
  `CREATE TRIGGER stalls AFTER INSERT ON ${table} FOR EACH ROW EXECUTE FUNCTION stall()`,
];

async function run(url: string, ...texts: string[]): Promise<void> {
  const pool = connect(url);
  for (const text of texts) await pool.run({ text, names: [] });
  await pool.close();
}

/** What each reader of every bus has seen. */
async function seenBy(url: string, way: string): Promise<number[][]> {
  const program = join(import.meta.dir, "bus.ts");
  const until = String(Date.now() + SECONDS * 1000);
  const buses = Array.from({ length: BUSES }, () =>
    Bun.spawn([process.execPath, program, url, way, until], { stdout: "pipe" }),
  );
  const told = await Promise.all(buses.map(({ stdout }) => new Response(stdout).json()));
  return told.flat() as number[][];
}

testHere(
  `${BUSES} buses for ${SECONDS} s: each of ${READERS} readers sees every event once, in order`,
  async () => {
    const url = await server.database();
    await (await openAt(url, { now: Date.now })).close();
    await run(url, ...STALLS("events"));
    const seen = await seenBy(url, "events");
    const store = await openAt(url, { now: Date.now });
    const tip = await store.events.tip();
    await store.close();
    const wrong = seen.filter((ids) => ids.length !== tip || ids.some((id, i) => id !== i + 1));
    console.log(
      `${tip} events of ${BUSES} buses, ${seen.length} readers, ${wrong.length} of them missed any`,
    );
    expect([seen.length, wrong.length]).toEqual([READERS, 0]);
    expect(tip).toBeGreaterThan(SECONDS * 10);
  },
  TIMEOUT_MS,
);

testHere(
  "with ids of a plain sequence, readers miss some: this test can fail",
  async () => {
    const url = await server.database();
    await run(url, "CREATE TABLE plain (id bigserial PRIMARY KEY, payload text)", ...STALLS("plain"));
    const seen = await seenBy(url, "sequence");
    const most = Math.max(...seen.map((ids) => ids.at(-1) ?? 0));
    const missed = seen.filter((ids) => ids.length < most);
    console.log(`a sequence: ${most} rows, ${missed.length} of ${seen.length} readers missed some`);
    expect(missed.length).toBeGreaterThan(0);
  },
  TIMEOUT_MS,
);
