// A real client asks, and its user answers on the page.
import { afterAll, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { atTerminal } from "../claude-code/converse.ts";
import { Desk, heard, PATIENCE_MS, type Place, press } from "../claude-code/desk.ts";
import { fresh } from "../support/agent.ts";
import { removeFolders } from "../support/folder.ts";
import { eventually } from "../support/webhook.ts";
import { closeBrowsers, hasBrowser, type OpenPage, signedIn, startBrowser } from "./real_page.ts";

const TIMEOUT_MS = 240_000;
const CREATE = "Do you want to create";
const CHOICE = "Enter to select";

let desk: Desk | undefined;

afterAll(async () => {
  await closeBrowsers();
  await desk?.close();
  removeFolders();
});

const COLOUR = {
  questions: [
    {
      question: "Which colour?",
      header: "Pick",
      multiSelect: false,
      options: ["Red", "Blue"].map((label) => ({ label, description: `${label} it is` })),
    },
  ],
};

/** Has the model call a tool that asks. Resolves with how long after the dialog the page shows `text` (ms). */
async function asks(
  page: OpenPage,
  place: Place,
  tool: string,
  input: object,
  [shown, text]: [string, string],
) {
  place.model.use(tool, input);
  await place.terminal.say(fresh("please"));
  await place.terminal.shows(shown, PATIENCE_MS);
  const began = performance.now();
  await page.shows(text);
  return performance.now() - began;
}

test.skipIf(!atTerminal || !hasBrowser)(
  "a question and a permission are answered on the page, and the page follows the terminal",
  async () => {
    desk = await Desk.open();
    const page = await signedIn(await startBrowser(), desk.bus);
    await page.shows("Nobody needs you.");
    const place = await desk.sitIdle("api");
    await page.shows("api");

    const untilQuestion = await asks(page, place, "AskUserQuestion", COLOUR, [CHOICE, "Which colour?"]);
    await page.click("Blue");
    await page.shows("You answered api: Blue");
    await heard(place, 'Which colour?\\"=\\"Blue');
    await page.shows("Nobody needs you.");
    await desk.idle("api");

    const write = (name: string) => ({ file_path: join(place.client.home, name), content: "x" });
    const untilPermission = await asks(page, place, "Write", write("a.txt"), [CREATE, "wants to use Write"]);
    await page.click("Allow once");
    await eventually("the file is written", () => existsSync(join(place.client.home, "a.txt")), PATIENCE_MS);
    await page.shows("Nobody needs you.");
    await desk.idle("api");

    await asks(page, place, "Write", write("b.txt"), [CREATE, "wants to use Write"]);
    await press(place, "Enter", CREATE);
    const began = performance.now();
    await page.hides("wants to use Write");
    const untilFollowed = performance.now() - began;
    expect(existsSync(join(place.client.home, "b.txt"))).toBe(true);
    console.log(
      `on the page: a question after ${untilQuestion.toFixed(0)} ms, a permission after ${untilPermission.toFixed(0)} ms; answered in the terminal: gone after ${untilFollowed.toFixed(0)} ms`,
    );
    page.expectNoProblem();
  },
  TIMEOUT_MS,
);
