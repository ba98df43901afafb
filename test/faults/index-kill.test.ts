import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { join } from "node:path";
import { type ProcessBus, startBus } from "../support/bus.ts";
import { tempFolder } from "../support/folder.ts";
import { sqlite } from "../support/serve.ts";
import { eventually } from "../support/webhook.ts";

const EVENTS = 200_000;
const PATIENCE_MS = 400_000;

interface Search {
  indexed: number;
  events: number;
}

/** What /health says of the index. Undefined when it is not behind. */
async function searchAt({ port }: ProcessBus): Promise<Search | undefined> {
  return ((await (await fetch(`http://127.0.0.1:${port}/health`)).json()) as { search?: Search }).search;
}

/** Asks rarely, because calls are load. */
async function isWhole(bus: ProcessBus): Promise<boolean> {
  await Bun.sleep(200);
  return (await searchAt(bus)) === undefined;
}

/** How far the file says that the index is. */
function storedAt(path: string): number {
  const db = new Database(path, { readonly: true });
  try {
    return Number.parseInt(String(db.query("SELECT value FROM bus WHERE key = 'indexed'").values()[0]), 10);
  } finally {
    db.close();
  }
}

/** Calls /health without a pause until told to stop; resolves with the times of all answers (ms). */
function watch(bus: ProcessBus): () => Promise<number[]> {
  let stopped = false;
  const times: number[] = [];
  const done = (async () => {
    while (!stopped) {
      const began = performance.now();
      await searchAt(bus);
      times.push(performance.now() - began);
      // More calls would count as load, which the index makes way for.
      await Bun.sleep(70);
    }
  })();
  return async () => {
    stopped = true;
    await done;
    return times.sort((a, b) => a - b);
  };
}

async function oldDatabase(): Promise<string> {
  const folder = tempFolder();
  await (await startBus("binary", { folder })).stop();
  sqlite(
    join(folder, "data.db"),
    `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${EVENTS})
      INSERT INTO events (event_type, payload, session_id, timestamp, channel)
      SELECT 'note', printf('event %d of an old database, with word%d and word%d in about so many words', i, i % 1000, i % 777),
        's', '2026-01-01T00:00:00.000+00:00', 'all' FROM n`,
  ).close();
  return folder;
}

test(
  "killed again and again, the index of an old database goes on where it was, and every answer is complete meanwhile",
  async () => {
    const folder = await oldDatabase();
    const path = join(folder, "data.db");
    let stored = 0;
    let bus = await startBus("binary", { folder });
    const found = async () =>
      (await bus.call("get_events", { text: "WORD7 and word7 ", limit: 1_000, order: "asc" })).events.map(
        ({ id }: { id: number }) => id,
      );
    const expected = Array.from({ length: EVENTS }, (_, i) => i + 1).filter(
      (id) => id % 1000 === 7 && id % 777 === 7,
    );
    for (const part of [0.2, 0.5]) {
      await eventually(
        `${part} of the index`,
        async () => ((await searchAt(bus))?.indexed ?? 0) > part * EVENTS,
        PATIENCE_MS,
      );
      expect(await found()).toEqual(expected);
      await bus.kill();
      expect(storedAt(path)).toBeGreaterThan(Math.max(stored, part * EVENTS));
      expect(storedAt(path)).toBeLessThan(EVENTS);
      stored = storedAt(path);
      bus = await startBus("binary", { folder });
      const told = await searchAt(bus);
      expect(told?.events).toBe(EVENTS);
      expect(told?.indexed).toBeGreaterThanOrEqual(stored);
      expect(await found()).toEqual(expected);
    }
    const stop = watch(bus);
    await eventually("the whole index", () => isWhole(bus), PATIENCE_MS);
    const times = await stop();
    const at = (part: number) => (times[Math.floor(part * (times.length - 1))] ?? 0).toFixed(1);
    console.log(
      `/health while the index is filled: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, slowest ${at(1)} ms of ${times.length}`,
    );
    // What a batch without a bound would take. A loaded machine keeps it.
    expect(times.at(-1)).toBeLessThan(2_000);
    expect(await found()).toEqual(expected);
    await bus.stop();
    expect(sqlite(path, "SELECT 1").query("PRAGMA integrity_check").values()).toEqual([["ok"]]);
  },
  2 * PATIENCE_MS,
);
