import { afterAll, expect } from "bun:test";
import { fresh } from "../support/agent.ts";
import { removeFolders } from "../support/folder.ts";
import { eventually } from "../support/webhook.ts";
import { testAtTerminal } from "./converse.ts";
import { Desk, heard, PATIENCE_MS, type Place } from "./desk.ts";

const TIMEOUT_MS = 180_000;
let desk: Desk | undefined;

afterAll(async () => {
  await desk?.close();
  removeFolders();
});

testAtTerminal(
  "a turn that the user interrupts leaves an idle session, which the next message wakes, once",
  async () => {
    desk = await Desk.open();
    const place = await desk.sitIdle("e");
    await begin(place);
    await interrupted(desk, place);

    // A dialog that is left, and a prompt right after it.
    place.model.use("Write", { file_path: `/tmp/${fresh("never")}`, content: "x" });
    await place.terminal.say(fresh("write"));
    await place.terminal.shows("Do you want to create");
    await interrupted(desk, place);
    const after = fresh("go on");
    await place.terminal.say(after);
    await heard(place, after);
    await desk.idle("e");
    await eventually("one process waits", () => desk?.waiters().length === 1, PATIENCE_MS);
  },
  TIMEOUT_MS,
);

testAtTerminal(
  "after Esc, /clear keeps the session reachable and /exit leaves no process",
  async () => {
    desk ??= await Desk.open();
    const place = await desk.sitIdle("c");
    const { client_id } = await desk.session("c");
    await begin(place);
    place.terminal.press("Escape");
    await desk.idle("c");
    await place.terminal.say("/clear");
    const cleared = async () => (await desk?.session("c"))?.client_id !== client_id;
    await eventually("another id of the client", cleared, PATIENCE_MS);
    const text = fresh("after clear");
    await desk.tell("c", text);
    await heard(place, text);
    expect(place.model.count(text)).toBe(1);

    const others = (await desk.session("e")) === undefined ? 0 : 1;
    await begin(place);
    place.terminal.press("Escape");
    await desk.idle("c");
    await place.terminal.say("/exit");
    await eventually("the session is gone", async () => !(await desk?.session("c")), PATIENCE_MS);
    await eventually("no process waits", () => desk?.waiters().length === others, PATIENCE_MS);
  },
  TIMEOUT_MS,
);

testAtTerminal(
  "mail by name to a client that was killed is there when its conversation is resumed",
  async () => {
    desk ??= await Desk.open();
    const place = await desk.sitIdle("r");
    const { client_id } = await desk.session("r");
    place.terminal.crash();
    await eventually("the session is gone", async () => !(await desk?.session("r")), PATIENCE_MS);
    const text = fresh("while you were away");
    await desk.tell("r", text);
    const again = await desk.resume(place, client_id);
    await again.terminal.say(fresh("I am back"));
    await heard(again, text);
    expect((await desk.session("r")).client_id).toBe(client_id);
  },
  TIMEOUT_MS,
);

/** Starts a turn that lasts. */
async function begin(place: Place): Promise<void> {
  const work = fresh("work");
  const command = "for i in $(seq 200); do sleep 0.5; done";
  place.model.use("Bash", { command, description: "Work" });
  await place.terminal.say(work);
  await heard(place, work);
  await place.terminal.shows("esc to interrupt");
}

async function interrupted(at: Desk, place: Place): Promise<void> {
  const atWork = async () => ["busy", "waiting"].includes((await at.session("e"))?.state);
  await eventually("at work, or at a dialog", atWork, PATIENCE_MS);
  place.terminal.press("Escape");
  const began = performance.now();
  await at.idle("e");
  console.log(`idle ${(performance.now() - began).toFixed(0)} ms after Esc`);
  const text = fresh("come back");
  await at.tell("e", text);
  await heard(place, text);
  await at.idle("e");
  expect(place.model.count(text)).toBe(1);
}
