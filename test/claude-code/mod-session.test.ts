// The mod through the day of a session in a real client: at work, interrupted, at a dialog, cleared and left.
import { afterAll, beforeAll, expect } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fresh } from "../support/agent.ts";
import { removeFolders, tempFolder } from "../support/folder.ts";
import { eventually } from "../support/webhook.ts";
import { atTerminal } from "./converse.ts";
import { Desk, heard, lasting, PATIENCE_MS, type Place, press } from "./desk.ts";
import { rests, sitMods, testEach, wake } from "./mods.ts";

/** The tool that the user allows runs for so long. */
const LONG_SECONDS = Number(process.env.AEB_TEST_LONG_TOOL ?? 15);
const PROCEED = "Do you want to proceed";
const PUBLISH = "mcp__agent-event-bus__publish_event";
const TIMEOUT_MS = 240_000;

let desk: Desk;
let mods: Place[];
/** A program that takes its time. The client itself refuses a long `sleep`. */
let rest: string;

beforeAll(async () => {
  if (!atTerminal) return;
  rest = join(tempFolder(true), "rest");
  writeFileSync(rest, `#!/bin/sh\nexec sleep ${LONG_SECONDS}\n`, { mode: 0o755 });
  desk = await Desk.open();
  mods = await sitMods(desk, { permissions: { allow: [PUBLISH], ask: [`Bash(${rest}:*)`] } });
}, TIMEOUT_MS);

afterAll(async () => {
  await desk?.close();
  removeFolders();
});

const testMods = testEach(() => mods, TIMEOUT_MS);

/** Begins a turn that lasts until `end` is called. */
async function begin(place: Place): Promise<{ end(): void }> {
  const [work, tool] = [fresh("work for a while"), lasting()];
  place.model.use("Bash", { command: tool.command, description: "Work" });
  await place.terminal.say(work);
  await heard(place, work);
  return tool;
}

testMods("a message during a turn comes with the next tool use, once", async (place) => {
  await rests(desk, place);
  const tool = await begin(place);
  const text = fresh("the plan changed");
  const { id } = await desk.tell(place.name, text);
  tool.end();
  expect((await heard(place, text)).news).toContain('"type":"tool_result"');
  expect(await desk.delivery(id)).toMatchObject({ state: "seen", offered_by: "tool" });
  await rests(desk, place);
  expect(place.model.count(text)).toBe(1);
  await place.terminal.shows(`${text}" (#${id})`);
  await wake(desk, place, fresh("and now"));
  await eventually(
    "the line has a successor",
    () => isInside(entriesOf(place), `${text}\\" (#${id})`),
    PATIENCE_MS,
  );
});

/** The entries of a client's only conversation, as JSON. */
function entriesOf({ client }: Place): string[] {
  const [file = ""] = new Bun.Glob(".claude/projects/*/*.jsonl").scanSync({ cwd: client.home, dot: true });
  return readFileSync(join(client.home, file), "utf8").split("\n");
}

/** True if the conversation goes on from the line with this text. From one that is a dead end a killed client would go on. */
function isInside(entries: readonly string[], text: string): boolean {
  const line = entries.find((entry) => entry.includes('"informational"') && entry.includes(text));
  const { uuid } = JSON.parse(line ?? "{}");
  return uuid !== undefined && entries.some((entry) => entry.includes(`"parentUuid":"${uuid}"`));
}

testMods("a turn that the user interrupts leaves a session that messages wake, once each", async (place) => {
  await rests(desk, place);
  await begin(place);
  await place.terminal.shows("esc to interrupt");
  place.terminal.press("Escape");
  // The client drops a mod's prompts until the user's next one, so the waiter takes over.
  const texts = [fresh("come back"), fresh("and again")];
  for (const text of texts) {
    await desk.idle(place.name);
    expect(await desk.session(place.name)).toMatchObject({ rung: "waiter" });
    expect((await wake(desk, place, text)).by).toBe("waiter");
  }
  await desk.idle(place.name);
  expect(texts.map((text) => place.model.count(`${text}.`))).toEqual([1, 1]);
  const prompt = fresh("go on");
  await place.terminal.say(prompt);
  await heard(place, prompt);
  await rests(desk, place);
  expect((await wake(desk, place)).by).toBe("mod");
});

testMods(`an allowed tool that runs for ${LONG_SECONDS} s reads busy`, async (place) => {
  await rests(desk, place);
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
});

testMods("the agent calls a tool of the bus, and the mod says which session calls", async (place) => {
  await rests(desk, place);
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
  await rests(desk, place);
  const { client_id } = await desk.session(place.name);
  await place.terminal.say("/clear");
  const cleared = async () => ![undefined, client_id].includes((await desk.session(place.name))?.client_id);
  await eventually("another id of the client", cleared, PATIENCE_MS);
  await rests(desk, place);
  expect((await wake(desk, place)).by).toBe("mod");
  await rests(desk, place);
  await place.terminal.say("/exit");
  await eventually("no session", async () => (await desk.session(place.name)) === undefined, PATIENCE_MS);
  await eventually("no process", () => desk.ours(place.client).length === 0, PATIENCE_MS);
});
