// A real client asks, and its user answers from another terminal.
import { afterAll, expect } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fresh } from "../support/agent.ts";
import { startBus } from "../support/bus.ts";
import { tokenFor } from "../support/callers.ts";
import { cli, cliOnTerminal } from "../support/cli.ts";
import { removeFolders, tempFolder } from "../support/folder.ts";
import { ntfyServer } from "../support/ntfy.ts";
import { eventually } from "../support/webhook.ts";
import { testAtTerminal } from "./converse.ts";
import { Desk, heard, PATIENCE_MS, type Place, press } from "./desk.ts";

const TIMEOUT_MS = 240_000;
const CREATE = "Do you want to create";
const CHOICE = "Enter to select";
const PUBLIC = "https://my-server.ts.net";
const AUTH = `Basic ${Buffer.from("ada:password").toString("base64")}`;

let desk: Desk | undefined;

afterAll(async () => {
  await desk?.close();
  removeFolders();
});

const question = (question: string, multiSelect = false) => ({
  question,
  header: "Pick",
  multiSelect,
  options: ["Red", "Blue"].map((label) => ({ label, description: `${label} it is` })),
});
const write = (place: Place, name: string) => ({ file_path: join(place.client.home, name), content: "x" });

/** Types a command as the user does, in a terminal of their own. */
const typed = (at: Desk, ...args: string[]) => cliOnTerminal(args, { bus: at.bus });

// biome-ignore lint/suspicious/noExplicitAny: tests look into it
async function open(at: Desk): Promise<any> {
  const needs = () => at.bus.call("list_needs").then(({ result }) => result);
  await eventually("it is listed", async () => (await needs()).length === 1, PATIENCE_MS);
  return (await needs())[0];
}

/** Has the model call a tool that asks; returns the need once its dialog stands. */
async function ask(at: Desk, place: Place, tool: string, input: object, shown: string) {
  place.model.use(tool, input);
  await place.terminal.say(fresh("please"));
  await place.terminal.shows(shown, PATIENCE_MS);
  const began = performance.now();
  const need = await open(at);
  console.log(`${tool}: listed ${Math.round(performance.now() - began)} ms after its dialog`);
  return need;
}

async function closed(at: Desk, place: Place, shown: string): Promise<void> {
  const gone = async () => !place.terminal.screen().includes(shown);
  await eventually("the dialog is gone", gone, PATIENCE_MS);
  await eventually("nothing waits", async () => (await at.bus.call("list_needs")).result.length === 0);
  await eventually("no process stands by", () => at.beside().length === 0, PATIENCE_MS);
  await at.idle(place.name);
}

testAtTerminal(
  "a question and a permission are answered from another terminal",
  async () => {
    desk = await Desk.open();
    const place = await desk.sitIdle("api");

    const asked = await ask(
      desk,
      place,
      "AskUserQuestion",
      { questions: [question("Which colour?")] },
      CHOICE,
    );
    expect(asked).toMatchObject({ kind: "question", name: "api", text: "Which colour?", answerable: true });
    expect(asked.questions[0].options.map(({ label }: { label: string }) => label)).toEqual(["Red", "Blue"]);
    expect(await typed(desk, "needs")).toContain("Which colour?");
    expect(await typed(desk, "answer", String(asked.need_id), "Blue")).toContain("Answered");
    await heard(place, String.raw`\"Which colour?\"=\"Blue\"`);
    await closed(desk, place, CHOICE);

    const file = write(place, fresh("file"));
    const allowed = await ask(desk, place, "Write", file, CREATE);
    expect(await typed(desk, "needs", String(allowed.need_id))).toContain(file.file_path);
    await typed(desk, "answer", String(allowed.need_id), "allow");
    await closed(desk, place, CREATE);
    expect(existsSync(file.file_path)).toBe(true);

    const other = write(place, fresh("file"));
    const denied = await ask(desk, place, "Write", other, CREATE);
    await typed(desk, "answer", String(denied.need_id), "deny", "use the other folder");
    await heard(place, "use the other folder");
    await closed(desk, place, CREATE);
    expect(existsSync(other.file_path)).toBe(false);
  },
  TIMEOUT_MS,
);

testAtTerminal(
  "a question is answered with a token of the scope answer, and a permission with the phone's button",
  async () => {
    const ntfy = ntfyServer({ mine: [AUTH] });
    const env = {
      AGENT_EVENT_BUS_PUSH: ntfy.topic("mine", "ada:password"),
      AGENT_EVENT_BUS_PUBLIC_URL: PUBLIC,
    };
    const at = new Desk(await startBus("binary", { folder: tempFolder(true), outlives: true, env }));
    try {
      const place = await at.sitIdle("away");
      const asked = await ask(at, place, "AskUserQuestion", { questions: [question("Which way?")] }, CHOICE);
      const words = ["answer", String(asked.need_id), "own", "words"];
      const by = (scope: "full" | "answer") => ({
        bus: at.bus,
        env: { AGENT_EVENT_BUS_TOKEN: tokenFor(at.bus.db, `${scope}-token`, scope) },
      });
      expect(await cli(words, by("full"))).toMatchObject({ code: 1 });
      expect(await cli(words, by("answer"))).toMatchObject({ code: 0, stderr: "" });
      await heard(place, String.raw`\"Which way?\"=\"own words\"`);
      await closed(at, place, CHOICE);

      const file = write(place, fresh("file"));
      await ask(at, place, "Write", file, CREATE);
      const { actions } = await ntfy.until(({ title }) => title === "away asks to use Write");
      const [allow] = actions;
      const url = String(allow?.url).replace(PUBLIC, at.bus.url.replace(/\/mcp$/, ""));
      expect((await fetch(url)).status).toBe(200);
      expect(existsSync(file.file_path)).toBe(false);
      expect(await (await fetch(url, { method: "POST" })).text()).toContain("Answered");
      await closed(at, place, CREATE);
      expect(existsSync(file.file_path)).toBe(true);
    } finally {
      await at.close();
      ntfy.stop();
    }
  },
  TIMEOUT_MS,
);

testAtTerminal(
  "answered in its terminal first, it is closed there and then, and a later answer is told so",
  async () => {
    desk ??= await Desk.open();
    const place = await desk.sitIdle("web");
    const file = write(place, fresh("file"));
    const { need_id } = await ask(desk, place, "Write", file, CREATE);
    await press(place, "Enter", CREATE);
    const began = performance.now();
    const gone = async () => (await desk?.bus.call("list_needs"))?.result.length === 0;
    await eventually("it is closed", gone, PATIENCE_MS);
    console.log(`answered in its terminal: closed after ${Math.round(performance.now() - began)} ms`);
    await closed(desk, place, CREATE);
    expect(await typed(desk, "answer", String(need_id), "deny")).toContain(
      "is closed: answered in its terminal",
    );
    expect(existsSync(file.file_path)).toBe(true);
  },
  TIMEOUT_MS,
);

testAtTerminal(
  "of two answers at once one wins, and the other is told",
  async () => {
    desk ??= await Desk.open();
    const place = await desk.sitIdle("both");
    const { need_id } = await ask(
      desk,
      place,
      "AskUserQuestion",
      { questions: [question("Which one?")] },
      CHOICE,
    );
    const at = desk;
    const told = await Promise.all(["Red", "Blue"].map((word) => typed(at, "answer", String(need_id), word)));
    expect(told.filter((text) => text.includes("Answered"))).toHaveLength(1);
    expect(told.filter((text) => text.includes("is closed"))).toHaveLength(1);
    const won = told[0]?.includes("Answered") ? "Red" : "Blue";
    await heard(place, String.raw`\"Which one?\"=\"${won}\"`);
    await closed(desk, place, CHOICE);
  },
  TIMEOUT_MS,
);

testAtTerminal(
  "a bus that is killed meanwhile leaves the dialog as it is, and knows of it again when it is back",
  async () => {
    desk ??= await Desk.open();
    const place = await desk.sitIdle("kept");
    const before = await ask(desk, place, "Write", write(place, fresh("file")), CREATE);
    await desk.restart();
    const connected = async () => (await open(desk as Desk)).connected === true;
    await eventually("its hook is back", connected, PATIENCE_MS);
    expect((await open(desk)).need_id).toBe(before.need_id);
    expect(place.terminal.screen()).toContain(CREATE);
    await typed(desk, "answer", String(before.need_id), "deny");
    await closed(desk, place, CREATE);

    const file = write(place, fresh("file"));
    await ask(desk, place, "Write", file, CREATE);
    await desk.bus.kill();
    await press(place, "Enter", CREATE);
    await eventually("it is allowed in its terminal", () => existsSync(file.file_path), PATIENCE_MS);
  },
  TIMEOUT_MS,
);
