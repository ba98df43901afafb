// The server is killed again and again while a bus writes: nothing acknowledged is lost, and the bus goes on by itself.
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Trouble } from "../../src/domain/store.ts";
import { openStore } from "../../src/postgres/store.ts";
import { removeFolders } from "../support/folder.ts";
import { freePort } from "../support/port.ts";
import { noPostgres, type Server, startPostgres } from "../support/postgres.ts";
import { eventually } from "../support/webhook.ts";
import { publish } from "./engine.ts";

const ROUNDS = Number(process.env.AEB_TEST_KILL_ROUNDS ?? 5);
const WRITERS = 8;
const TIMEOUT_MS = 240_000;

let server: Server;

beforeAll(async () => {
  if (noPostgres === null) server = await startPostgres(await freePort(), "fsync=on");
});

afterAll(async () => {
  await server?.kill();
  removeFolders();
});

test.skipIf(noPostgres !== null)(
  `${ROUNDS} kills of the server under load`,
  async () => {
    const troubles: (Trouble | null)[] = [];
    const options = { now: Date.now, onTrouble: (trouble: Trouble | null) => void troubles.push(trouble) };
    const url = await server.database();
    const store = await openStore({ url, shown: url }, options);
    const told: number[] = [];
    store.listen(({ id }) => told.push(id));
    const acknowledged = new Map<string, number>();
    let refused = 0;
    let isOver = false;
    const write = async (writer: number) => {
      for (let i = 0; !isOver; i++) {
        const payload = `${writer}-${i}`;
        const event = await publish(store, { payload }).catch(() => undefined);
        if (event !== undefined) acknowledged.set(payload, event.id);
        else {
          refused++;
          await Bun.sleep(50);
        }
      }
    };
    const writing = Promise.all(Array.from({ length: WRITERS }, (_, writer) => write(writer)));
    for (let round = 0; round < ROUNDS; round++) {
      const before = acknowledged.size;
      await eventually("the bus writes", () => acknowledged.size > before + 50, 60_000);
      await server.kill();
      await eventually("it says that it cannot", () => store.trouble() !== null, 60_000);
      await server.start();
      await eventually("it writes again", () => store.trouble() === null, 60_000);
    }
    isOver = true;
    await writing;
    const tip = await store.events.tip();
    const stored = new Map<string, number>();
    for (let after = 0; after < tip; ) {
      const { events } = await store.events.read({ order: "asc", limit: 1_000, after });
      for (const { id, payload } of events) stored.set(payload, id);
      after = events.at(-1)?.id ?? tip;
    }
    await eventually("all are told", () => told.length >= tip);
    await store.close();
    console.log(
      `${acknowledged.size} acknowledged, ${refused} refused, ${stored.size - acknowledged.size} stored without an answer`,
    );
    const lost = [...acknowledged].filter(([payload, id]) => stored.get(payload) !== id);
    expect([lost, stored.size]).toEqual([[], tip]);
    expect(told).toEqual(Array.from({ length: tip }, (_, i) => i + 1));
    expect(refused).toBeGreaterThan(0);
    expect(new Set(troubles.map((trouble) => trouble?.problem))).toEqual(
      new Set(["storage_failed", undefined]),
    );
  },
  TIMEOUT_MS,
);
