// Real clients that have the plugin and hooks in their settings, as one that runs while its installation is changed.
import { afterAll, beforeAll, expect } from "bun:test";
import { fresh } from "../support/agent.ts";
import { removeFolders } from "../support/folder.ts";
import { eventually } from "../support/webhook.ts";
import { atTerminal } from "./converse.ts";
import { Desk, heard, lasting, PATIENCE_MS, type Place } from "./desk.ts";
import { rests, sitMods, testEach } from "./mods.ts";
import { noted } from "./noted.ts";

const TIMEOUT_MS = 120_000;

let desk: Desk;
let mods: Place[];
/** Notes which hooks of the settings run. */
let hooks: ReturnType<typeof noted>;

beforeAll(async () => {
  if (!atTerminal) return;
  desk = await Desk.open();
  mods = await sitMods(desk);
  hooks = noted();
  for (const place of mods) {
    await rests(desk, place);
    place.client.installHooks(desk.bus.url, {}, {}, hooks.program);
  }
}, TIMEOUT_MS);

afterAll(async () => {
  await desk?.close();
  removeFolders();
});

const testMods = testEach(() => mods, TIMEOUT_MS);

testMods("a message during a turn is shown once, by one of the two", async (place) => {
  // A client that runs reads its settings again once they have changed.
  const hooksRun = async () => {
    const text = fresh("go on");
    await place.terminal.say(text);
    await heard(place, text);
    await desk.idle(place.name);
    return hooks.starts().includes("prompt");
  };
  await eventually("the hooks of the settings run", hooksRun, PATIENCE_MS);
  const [work, text, tool] = [fresh("work"), `${fresh("the plan changed")}.`, lasting()];
  place.model.use("Bash", { command: tool.command, description: "Work" });
  await place.terminal.say(work);
  await heard(place, work);
  const { id } = await desk.tell(place.name, text);
  tool.end();
  await heard(place, text);
  expect(await desk.delivery(id)).toMatchObject({ state: "seen", offered_by: "tool" });
  await desk.idle(place.name);
  expect(place.model.count(text)).toBe(1);
  expect(hooks.starts()).toContain("tool");
});

testMods("a message that wakes the session is shown once", async (place) => {
  await desk.idle(place.name);
  const text = `${fresh("please look")}.`;
  const { id } = await desk.tell(place.name, text);
  await heard(place, text);
  expect(await desk.delivery(id)).toMatchObject({ state: "seen", offered_by: "wake" });
  await desk.idle(place.name);
  expect(place.model.count(text)).toBe(1);
});
