// Real clients that are killed once they have taken a message, in the moment before their model is called with it.
import { afterAll, beforeAll, expect } from "bun:test";
import { fresh } from "../support/agent.ts";
import { removeFolders } from "../support/folder.ts";
import { findClaude } from "./client.ts";
import { atTerminal } from "./converse.ts";
import { type Connected, Desk, heard, type Place } from "./desk.ts";
import { testEach } from "./mods.ts";

const TIMEOUT_MS = 120_000;

let desk: Desk;
let places: Place[] = [];

beforeAll(async () => {
  if (!atTerminal) return;
  desk = await Desk.open();
  const sit = async (version: string, connected: Connected) => {
    const file = await findClaude(version);
    if (file === undefined) console.log(`skipped: killed Claude Code ${version}, it is not there`);
    const name = `${connected}-${version.replaceAll(".", "-")}`;
    return file === undefined ? [] : [await desk.sitIdle(name, undefined, { connected, file })];
  };
  const opening = ["2.1.330", "2.1.332"].flatMap((version) => [sit(version, "mod"), sit(version, "hooks")]);
  places = (await Promise.all(opening)).flat();
}, TIMEOUT_MS);

afterAll(async () => {
  await desk?.close();
  removeFolders();
});

const testClients = testEach(() => places, TIMEOUT_MS);

testClients("what a client took along comes to the next one, marked if it may be a repeat", async (place) => {
  const { name, model, terminal } = place;
  const { client_id } = await desk.session(name);
  const text = `${fresh("the plan changed")}.`;
  const pid = terminal.pid();
  const { id } = await desk.tell(name, text);
  expect(await desk.delivery(id)).toMatchObject({ state: "seen", offered_by: "wake" });
  process.kill(pid, "SIGKILL");
  console.log(`${name} was killed ${model.heard(text) === undefined ? "before" : "after"} its model's call`);
  const again = await desk.resume(place, client_id);
  await again.terminal.say(fresh("I am back"));
  await heard(again, text);
  await desk.idle(name);
  expect(await desk.delivery(id)).toMatchObject({ state: "seen" });
  const times = model.count(text);
  const heads = model.calls.at(-1)?.conversation.match(new RegExp(`#${id} \\(direct message.*?\\\\n`, "g"));
  const isMarked = heads?.some((head) => head.includes("may be a repeat")) === true;
  expect({ name, times, isMarked }).toEqual({ name, times: isMarked && times === 2 ? 2 : 1, isMarked });
});
