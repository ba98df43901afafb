import { expect, test } from "bun:test";
import { startBus } from "../support/bus.ts";

const EVENTS = Number(process.env.N ?? 100_000);
const PUBLISHERS = 4;
/** Most read in large pages; the small ones meet every commit that is under way. */
const LIMITS = [1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 500, 500, 200, 100, 50, 7];

interface Reader {
  seen: number;
  reads: number;
  wrong: string[];
}

test(`${LIMITS.length} resuming readers each see all of ${EVENTS} events once, in order, while ${PUBLISHERS} publish`, async () => {
  const bus = await startBus("binary");
  const began = performance.now();
  const registered = LIMITS.map((_, i) =>
    bus.call("register_session", { name: `r${i}`, machine: "elsewhere", cwd: "/", client_id: `r${i}` }),
  );
  await Promise.all(registered);
  const first = LIMITS.length + 1;
  const last = LIMITS.length + EVENTS;
  let next = 0;
  const publish = async () => {
    for (let i = next++; i < EVENTS; i = next++)
      await bus.call("publish_event", { event_type: "t", payload: `${i}` });
  };
  const read = async (limit: number, i: number): Promise<Reader> => {
    const reader: Reader = { seen: 0, reads: 0, wrong: [] };
    for (let expected = first; expected <= last; ) {
      const args = { session_id: `r${i}`, resume: true, order: "asc", limit };
      const { events } = await bus.call("get_events", args);
      reader.reads++;
      for (const { id } of events) {
        if (id < first) continue;
        if (id !== expected) reader.wrong.push(`${id} instead of ${expected}`);
        expected = id + 1;
        reader.seen++;
      }
      if (events.length < limit) await Bun.sleep(400);
    }
    return reader;
  };
  const reading = Promise.all(LIMITS.map(read));
  await Promise.all(Array.from({ length: PUBLISHERS }, publish));
  const published = performance.now() - began;
  const readers = await reading;
  const took = performance.now() - began;
  for (const { wrong, seen } of readers) {
    expect(wrong).toEqual([]);
    expect(seen).toBe(EVENTS);
  }
  const reads = readers.reduce((sum, reader) => sum + reader.reads, 0);
  console.log(
    `${EVENTS} events in ${(published / 1000).toFixed(1)} s, ${reads} reads by ${readers.length} readers in ${(took / 1000).toFixed(1)} s`,
  );
  expect(await bus.stop()).toBe(0);
}, 240_000);
