// The mod wakes the idle session of a real client at a terminal, without a process of ours.
import { afterAll, beforeAll, expect } from "bun:test";
import { fresh } from "../support/agent.ts";
import { removeFolders } from "../support/folder.ts";
import { percentile } from "../support/webhook.ts";
import { atTerminal, testAtTerminal } from "./converse.ts";
import { Desk, heard, type Place } from "./desk.ts";
import { rests, sitMods, testEach, wake } from "./mods.ts";

const RUNS = 30;
const TIMEOUT_MS = 240_000;

let desk: Desk;
let mods: Place[];
let hooked: Place;

beforeAll(async () => {
  if (!atTerminal) return;
  desk = await Desk.open();
  [hooked, mods] = await Promise.all([desk.sitIdle("hooks"), sitMods(desk)]);
}, TIMEOUT_MS);

afterAll(async () => {
  await desk?.close();
  removeFolders();
});

testAtTerminal(
  `each of ${RUNS} messages wakes the idle session once, and no process of ours waits beside the mod`,
  async () => {
    const places = [hooked, ...mods].map((place) => ({ place, ms: [] as number[], texts: [] as string[] }));
    for (let run = 0; run < RUNS; run++) {
      await Promise.all([desk.idle(hooked.name), ...mods.map((place) => rests(desk, place))]);
      for (const { place, ms, texts } of places) {
        const text = fresh("please look");
        const woken = await wake(desk, place, text);
        expect(woken.by).toBe(place === hooked ? "waiter" : "mod");
        ms.push(woken.ms);
        texts.push(`${text}.`);
      }
    }
    await Promise.all([desk.idle(hooked.name), ...mods.map((place) => rests(desk, place))]);
    for (const { place, ms, texts } of places) {
      const counts = texts.map((text) => [text, place.model.count(text)] as const);
      expect(counts.filter(([, count]) => count !== 1)).toEqual([]);
      const rung = place === hooked ? "asyncRewake" : `the mod in ${place.name}`;
      const [median, p99] = [percentile(ms, 0.5), percentile(ms, 0.99)];
      console.log(`${RUNS} wakes by ${rung}: publish to model called median ${median} ms, p99 ${p99} ms`);
    }
  },
  TIMEOUT_MS,
);

testEach(() => mods, TIMEOUT_MS)(
  "a half-written prompt stays in the box when a message starts the agent",
  async (place) => {
    await rests(desk, place);
    await place.terminal.type("half a thought");
    expect((await wake(desk, place)).by).toBe("mod");
    await desk.idle(place.name);
    expect(place.terminal.screen()).toMatch(/^❯\shalf a thought\s*$/m);
    expect(place.model.heard("half a thought")).toBeUndefined();
    await place.terminal.say(" is done");
    await heard(place, "half a thought is done");
  },
);
