import { afterAll, beforeAll, expect } from "bun:test";
import { fresh } from "../support/agent.ts";
import { removeFolders } from "../support/folder.ts";
import { atTerminal, testAtTerminal } from "./converse.ts";
import { Desk, heard, type Place } from "./desk.ts";
import type { Heard } from "./talker.ts";

const EVENTS = 500;
const AT_ONCE = 16;
const MOST_BYTES = 4_096;
const TIMEOUT_MS = 180_000;
const SETTLED_MS = 4_000;

let desk: Desk;
let a: Place;
let b: Place;

beforeAll(async () => {
  if (!atTerminal) return;
  desk = await Desk.open();
  [a, b] = await Promise.all([desk.sitIdle("a"), desk.sitIdle("b")]);
}, TIMEOUT_MS);

afterAll(async () => {
  await desk?.close();
  removeFolders();
});

/** What the bus put into these calls of the model, as JSON text. */
function fromBus(calls: readonly Heard[]): string[] {
  return calls.flatMap(({ news }) => news.match(/<agent-event-bus>.*?<\/agent-event-bus>/gs) ?? []);
}

/** The number of events that these texts count. The prompt of a wake counts those that came before it. */
function countedIn(texts: readonly string[]): number {
  const counts = texts.flatMap((text) => [...text.matchAll(/(\d+) (?:other )?events since /g)]);
  return counts.reduce((sum, [, count]) => sum + Number(count), 0);
}

/** So many events for each of two repositories, as fast as the bus takes them, with one message amid them. */
async function storm(repos: readonly string[], to: string, payload: string): Promise<void> {
  let next = 0;
  const publisher = async () => {
    for (let i = next++; i < EVENTS; i = next++) {
      if (i === EVENTS / 2) await desk.tell(to, payload);
      for (const repo of repos)
        await desk.bus.call("publish_event", {
          ...{ event_type: "help_needed", payload: `It fails again, attempt ${i}.`, session_id: "runaway" },
          channel: `repo:${repo}`,
        });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, publisher));
}

testAtTerminal(
  `${EVENTS} actionable events for the repository of an idle session start no turn, and are one line at the next prompt`,
  async () => {
    await Promise.all([desk.idle("a"), desk.idle("b")]);
    const before = { a: a.model.calls.length, b: b.model.calls.length };
    const text = fresh("is it you?");
    await storm(["a", "b"], "b", text);
    const { news } = await heard(b, text);
    expect(news).not.toContain("attempt");
    await Promise.all([desk.idle("a"), desk.idle("b")]);
    await Bun.sleep(SETTLED_MS);
    const turns = { a: a.model.calls.length - before.a, b: b.model.calls.length - before.b };
    for (const place of [a, b]) {
      const prompt = fresh(`what is new, ${place.name}?`);
      await place.terminal.say(prompt);
      await heard(place, prompt);
    }
    await Promise.all([desk.idle("a"), desk.idle("b")]);
    const texts = { a: fromBus(a.model.calls.slice(before.a)), b: fromBus(b.model.calls.slice(before.b)) };
    const bytes = { a: Buffer.byteLength(texts.a.join("")), b: Buffer.byteLength(texts.b.join("")) };
    console.log(
      `${EVENTS} actionable events, two real sessions: a: ${turns.a} turns, ${bytes.a} bytes; b, with a message: ${turns.b} turns, ${bytes.b} bytes`,
    );
    expect(turns).toEqual({ a: 0, b: 1 });
    for (const place of ["a", "b"] as const) {
      expect(countedIn(texts[place])).toBe(EVENTS);
      expect(bytes[place]).toBeLessThanOrEqual(MOST_BYTES);
      expect(bytes[place]).toBeGreaterThan(0);
    }
    expect(b.model.count(text)).toBe(1);
  },
  TIMEOUT_MS,
);
