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
    const work = fresh("work");
    const command = "for i in $(seq 200); do sleep 0.5; done";
    place.model.use("Bash", { command, description: "Work" });
    await place.terminal.say(work);
    await heard(place, work);
    await place.terminal.shows("esc to interrupt");
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

async function interrupted(at: Desk, place: Place): Promise<void> {
  await eventually("at work", async () => (await at.session("e"))?.state === "busy", PATIENCE_MS);
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
