// The user's screen: one line for each hand-over and each wake of a session.
import { afterAll, expect } from "bun:test";
import { fresh } from "../support/agent.ts";
import { removeFolders } from "../support/folder.ts";
import { eventually } from "../support/webhook.ts";
import { testAtTerminal } from "./converse.ts";
import { Desk, heard, lasting, PATIENCE_MS, type Place } from "./desk.ts";

const TIMEOUT_MS = 180_000;
let desk: Desk | undefined;

afterAll(async () => {
  await desk?.close();
  removeFolders();
});

/** Waits for the line on the screen, and expects it there once when the session is idle again. */
async function seesOnce(at: Desk, { name, terminal }: Place, line: string): Promise<void> {
  await terminal.shows(line, PATIENCE_MS);
  await at.idle(name);
  const screen = terminal.screen();
  expect([line, screen.split(line).length - 1]).toEqual([line, 1]);
}

/** The screen without its empty lines and the box of the prompt. */
function printed({ terminal }: Place): string {
  const lines = terminal.screen().split("\n");
  return lines.filter((line) => line.trim() !== "" && !line.includes("───")).join("\n");
}

testAtTerminal(
  "the user sees one line at the start, at a hand-over by a prompt and by a tool use, at a wake and at /rename",
  async () => {
    const at = await Desk.open();
    desk = at;
    const place = await at.sit("b");
    await place.terminal.shows('SessionStart:startup says: bus: you are "b", 1 here', PATIENCE_MS);

    const early = fresh("before the prompt");
    await at.bus.call("set_attention", { session: "b", wake: "off" });
    const { id: first } = await at.tell("b", early, "api");
    await place.terminal.say("hello");
    await heard(place, early);
    await at.bus.call("set_attention", { session: "b", wake: "default" });
    const prompted = `UserPromptSubmit says: bus: api → this session: "${early}" (#${first})`;
    await seesOnce(at, place, prompted);

    const waking = fresh("wake up");
    const { id: second } = await at.tell("b", waking, "api");
    await heard(place, waking);
    await seesOnce(at, place, `UserPromptSubmit says: bus: api → this session: "${waking}" (#${second})`);
    expect(place.terminal.screen()).toContain("● bus: a message woke this session");

    const atTool = fresh("at a tool");
    const tool = lasting();
    place.model.use("Bash", { command: tool.command, description: "Work" });
    const work = fresh("work");
    await place.terminal.say(work);
    await heard(place, work);
    const { id: third } = await at.tell("b", atTool, "api");
    tool.end();
    await heard(place, atTool);
    await seesOnce(at, place, `PostToolUse:Bash says: bus: api → this session: "${atTool}" (#${third})`);

    await place.terminal.say("/rename billing");
    await place.terminal.shows("Session renamed to: billing", PATIENCE_MS);
    const after = fresh("go on");
    await place.terminal.say(after);
    await heard(place, after);
    await place.terminal.shows('UserPromptSubmit says: bus: you are now "billing"', PATIENCE_MS);
    await eventually("the new name", async () => (await at.session("billing")) !== undefined, PATIENCE_MS);
    console.log(printed(place));
  },
  TIMEOUT_MS,
);
