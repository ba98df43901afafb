import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { publish, stored } from "../support/agent.ts";
import { type ProcessBus, startBus } from "../support/bus.ts";
import { fuzz, KINDS, SLOWEST_MS } from "../support/fuzz/run.ts";

// FUZZ=seed runs other cases, FUZZ=seed:number one case alone, as a failure names it.
const [SEED = 20_260_517, ONLY] = (process.env.FUZZ ?? "").split(":").filter(Boolean).map(Number);
const CASES = 100_000;
const BLOCK = 5_000;
// Most of it is what the runtime keeps of the largest bodies; it does not grow with the cases.
const MOST_MEMORY_MB = 1_200;

/** Resident memory of a process now and at its highest, MB. */
function memoryOf({ process }: ProcessBus): { now: number; most: number } | null {
  const file = `/proc/${process.pid}/status`;
  if (!existsSync(file)) return null;
  const kilobytes = (name: string) =>
    Number(new RegExp(`${name}:\\s+(\\d+)`).exec(readFileSync(file, "utf8"))?.[1]);
  return { now: Math.round(kilobytes("VmRSS") / 1024), most: Math.round(kilobytes("VmHWM") / 1024) };
}

/** The bus works, its database is whole, and nothing that it did not expect happened. */
async function expectHealthy(bus: ProcessBus): Promise<void> {
  const health = await fetch(new URL("/health", bus.url));
  expect([health.status, await health.json()]).toMatchObject([200, { status: "ok" }]);
  await publish(bus, "after all");
  expect((await bus.call("get_events", { limit: 1 })).events[0].payload).toBe("after all");
  expect(await bus.stop()).toBe(0);
  const db = new Database(bus.db, { readonly: true });
  expect(db.query("PRAGMA integrity_check").values()).toEqual([["ok"]]);
  db.close(true);
  const errors = `${bus.folder}/bus.err`;
  expect(existsSync(errors) ? readFileSync(errors, "utf8").slice(0, 2_000) : "").toBe("");
}

test.skipIf(ONLY !== undefined)(
  `${CASES} hostile requests get the answer that is due, in time, and only acknowledged events are stored`,
  async () => {
    const bus = await startBus("binary");
    const began = performance.now();
    const kinds = new Set<string>();
    let slowestMs = 0;
    for (let from = 0; from < CASES; from += BLOCK) {
      const before = stored(bus);
      const run = await fuzz(bus.port, SEED, { from, to: from + BLOCK });
      expect(run.failures).toEqual([]);
      const after = stored(bus);
      expect([from, after.events - before.events, after.webhooks]).toEqual([from, run.events, 0]);
      slowestMs = Math.max(slowestMs, run.slowestMs);
      for (const kind of run.kinds) kinds.add(kind);
    }
    const rate = Math.round((CASES / (performance.now() - began)) * 1_000);
    const memory = memoryOf(bus);
    console.log(
      `F1: ${CASES} cases of ${kinds.size} kinds (seed ${SEED}) at ${rate}/s, slowest ${Math.round(slowestMs)} ms, ` +
        `${stored(bus).events} events stored, all acknowledged; memory ${memory?.now} MB, at most ${memory?.most} MB`,
    );
    expect([...KINDS].filter((kind) => !kinds.has(kind))).toEqual([]);
    expect(slowestMs).toBeLessThan(SLOWEST_MS);
    if (memory !== null) expect(memory.most).toBeLessThan(MOST_MEMORY_MB);
    await expectHealthy(bus);
  },
  400_000,
);

if (ONLY !== undefined)
  test("one case alone", async () => {
    const bus = await startBus("binary");
    const { failures, events } = await fuzz(bus.port, SEED, { from: ONLY, to: ONLY + 1 });
    expect(failures).toEqual([]);
    expect(stored(bus).events).toBe(events);
  });
