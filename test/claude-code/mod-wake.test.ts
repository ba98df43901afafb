// The mod inside a real client at a terminal: it hands over and wakes as the hooks do, without a process of ours.
import { afterAll, beforeAll, expect } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fresh } from "../support/agent.ts";
import { removeFolders, tempFolder } from "../support/folder.ts";
import { eventually, percentile } from "../support/webhook.ts";
import { findClaude } from "./client.ts";
import { atTerminal, testAtTerminal } from "./converse.ts";
import { Desk, heard, lasting, PATIENCE_MS, type Place, press } from "./desk.ts";

const VERSIONS = ["2.1.330", "2.1.332"];
const RUNS = 30;
const LONG_SECONDS = 15;
const PROCEED = "Do you want to proceed";
const PUBLISH = "mcp__agent-event-bus__publish_event";
const TIMEOUT_MS = 240_000;

let desk: Desk;
/** One client of each version. */
let mods: Place[];
let hooked: Place;

/** A program that takes its time. The client itself refuses a long `sleep`. */
const rest = join(tempFolder(true), "rest");

beforeAll(async () => {
  if (!atTerminal) return;
  writeFileSync(rest, `#!/bin/sh\nexec sleep ${LONG_SECONDS}\n`, { mode: 0o755 });
  desk = await Desk.open();
  const settings = { permissions: { allow: [PUBLISH], ask: [`Bash(${rest}:*)`] } };
  const opening = VERSIONS.map(async (version) => {
    const file = await findClaude(version);
    if (file === undefined) console.log(`skipped: the mod in Claude Code ${version}, it is not there`);
    if (file === undefined) return [];
    const add = (client: Place["client"]) => client.add(desk.bus.url);
    const name = `v${version.replaceAll(".", "-")}`;
    return [await desk.sitIdle(name, undefined, { connected: "mod", file, settings, before: add })];
  });
  const opened = await Promise.all([desk.sitIdle("hooks"), ...opening]);
  hooked = opened[0] as Place;
  mods = opened.slice(1).flat() as Place[];
}, TIMEOUT_MS);

afterAll(async () => {
  await desk?.close();
  removeFolders();
});

/** A test that every client with the mod has to pass, all at once. */
function testMods(name: string, run: (place: Place) => Promise<void>): void {
  testAtTerminal(name, async () => void (await Promise.all(mods.map(run))), TIMEOUT_MS);
}

/** The mod waits, and no process of ours does: the fallback sees soon that it is not needed. */
async function rests({ name, client }: Place): Promise<void> {
  await desk.idle(name);
  await eventually(`no process beside ${name}`, () => desk.ours(client).length === 0, PATIENCE_MS);
}

/** Sends a message that wakes the session; how long until its model was called (ms). */
async function wake(place: Place, text = fresh("please look")): Promise<number> {
  const { id, sent } = await desk.tell(place.name, `${text}.`);
  const { at, news } = await heard(place, `${text}.`);
  expect(await desk.delivery(id)).toMatchObject({ state: "seen", offered_by: "wake" });
  if (place !== hooked) expect(news).toContain("agent-event-bus plugin sent a message");
  return at - sent;
}

testAtTerminal(
  `each of ${RUNS} messages wakes the idle session once, and no process of ours waits beside the mod`,
  async () => {
    const places = [hooked, ...mods];
    const taken = places.map(() => [] as number[]);
    const texts = places.map(() => [] as string[]);
    for (let run = 0; run < RUNS; run++)
      for (const [i, place] of places.entries()) {
        await (place === hooked ? desk.idle(place.name) : rests(place));
        const text = fresh("please look");
        taken[i]?.push(await wake(place, text));
        texts[i]?.push(`${text}.`);
      }
    for (const [i, place] of places.entries()) {
      await desk.idle(place.name);
      const counts = (texts[i] ?? []).map((text) => place.model.count(text));
      expect(counts).toEqual(counts.map(() => 1));
      const rung = place === hooked ? "asyncRewake" : `the mod in ${place.name}`;
      const ms = taken[i] ?? [];
      console.log(
        `${RUNS} wakes by ${rung}: publish to model called median ${percentile(ms, 0.5)} ms, p99 ${percentile(ms, 0.99)} ms`,
      );
    }
  },
  TIMEOUT_MS,
);

testMods("a half-written prompt stays in the box when a message starts the agent", async (place) => {
  await rests(place);
  await place.terminal.type("half a thought");
  await wake(place);
  await desk.idle(place.name);
  expect(place.terminal.screen()).toMatch(/^❯\shalf a thought\s*$/m);
  expect(place.model.heard("half a thought")).toBeUndefined();
  await place.terminal.say(" is done");
  await heard(place, "half a thought is done");
});

testMods("a message during a turn comes with the next tool use, once", async (place) => {
  await rests(place);
  const [work, text] = [fresh("work for a while"), fresh("the plan changed")];
  const tool = lasting();
  place.model.use("Bash", { command: tool.command, description: "Work" });
  await place.terminal.say(work);
  await heard(place, work);
  const { id } = await desk.tell(place.name, text);
  tool.end();
  expect((await heard(place, text)).news).toContain('"type":"tool_result"');
  expect(await desk.delivery(id)).toMatchObject({ state: "seen", offered_by: "tool" });
  await rests(place);
  expect(place.model.count(text)).toBe(1);
});

testMods("a turn that the user interrupts leaves a session that the next message wakes", async (place) => {
  await rests(place);
  const work = fresh("work");
  place.model.use("Bash", { command: lasting().command, description: "Work" });
  await place.terminal.say(work);
  await heard(place, work);
  await place.terminal.shows("esc to interrupt");
  place.terminal.press("Escape");
  await rests(place);
  const text = fresh("come back");
  await wake(place, text);
  await desk.idle(place.name);
  expect(place.model.count(`${text}.`)).toBe(1);
});

testMods(`an allowed tool that runs for ${LONG_SECONDS} s reads busy`, async (place) => {
  await rests(place);
  place.model.use("Bash", { command: rest, description: "Rest a while" });
  await place.terminal.say(fresh("please"));
  await place.terminal.shows(PROCEED);
  const state = async () => (await desk.session(place.name)).state;
  await eventually("waiting", async () => (await state()) === "waiting", PATIENCE_MS);
  await press(place, "Enter", PROCEED);
  await eventually("busy", async () => (await state()) === "busy", PATIENCE_MS);
  const states = new Set<string>();
  const began = performance.now();
  while (performance.now() - began < (LONG_SECONDS - 5) * 1000) {
    states.add(await state());
    await Bun.sleep(200);
  }
  expect([...states]).toEqual(["busy"]);
  await rests(place);
});

testMods("the agent calls a tool of the bus, and the mod says which session calls", async (place) => {
  await rests(place);
  const payload = fresh("the build is broken");
  place.model.use(PUBLISH, { event_type: "note", payload, channel: "all" });
  await place.terminal.say(fresh("tell them"));
  let found: { session_id: string } | undefined;
  const published = async () => {
    const { events } = await desk.bus.call("get_events", { event_types: ["note"] });
    found = events.find((event: { payload: string }) => event.payload === payload);
    return found !== undefined;
  };
  await eventually("the event", published, PATIENCE_MS);
  expect(found?.session_id).toBe((await desk.session(place.name)).session_id);
});

testMods("through /clear the session stays reachable, and /exit leaves nothing", async (place) => {
  await rests(place);
  const { client_id } = await desk.session(place.name);
  await place.terminal.say("/clear");
  const cleared = async () => ![undefined, client_id].includes((await desk.session(place.name))?.client_id);
  await eventually("another id of the client", cleared, PATIENCE_MS);
  await rests(place);
  await wake(place);
  await rests(place);
  await place.terminal.say("/exit");
  await eventually("no session", async () => (await desk.session(place.name)) === undefined, PATIENCE_MS);
  await eventually("no process", () => desk.ours(place.client).length === 0, PATIENCE_MS);
});
