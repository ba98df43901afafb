// A real client at a dialog: the session waits for its user exactly as long as the dialog stands.
import { afterAll, expect } from "bun:test";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fresh } from "../support/agent.ts";
import { removeFolders, tempFolder } from "../support/folder.ts";
import { eventually } from "../support/webhook.ts";
import { testAtTerminal } from "./converse.ts";
import { Desk, heard, PATIENCE_MS, type Place, press } from "./desk.ts";

const TIMEOUT_MS = 240_000;
/** The tool that the user allows runs for so long. */
const LONG_SECONDS = Number(process.env.AEB_TEST_LONG_TOOL ?? 8);
const NAME = "d";

let desk: Desk | undefined;

afterAll(async () => {
  await desk?.close();
  removeFolders();
});

/** A program that takes its time. The client itself refuses a long `sleep`. */
const rest = join(tempFolder(), "rest");
writeFileSync(rest, `#!/bin/sh\nexec sleep ${LONG_SECONDS}\n`, { mode: 0o755 });

/** The bus, and an idle client that asks before it rests. */
async function sitDown(name = NAME): Promise<{ at: Desk; place: Place }> {
  desk ??= await Desk.open();
  const settings = { permissions: { ask: [`Bash(${rest}:*)`] } };
  const place = await desk.sit(name, {}, { settings });
  await place.terminal.say("hello");
  await heard(place, "hello");
  await desk.idle(name);
  return { at: desk, place };
}

/** Waits until the session is in a state, and returns it with the time that this took (ms). */
async function comesTo(at: Desk, name: string, state: string | undefined) {
  const began = performance.now();
  // biome-ignore lint/suspicious/noExplicitAny: tests look into it
  let session: any;
  const there = async () => {
    session = await at.session(name);
    return session?.state === state;
  };
  await eventually(`${name} ${state}`, there, PATIENCE_MS).catch((error) => {
    throw new Error(`${error.message}: ${JSON.stringify(session)}`);
  });
  return { session, ms: Math.round(performance.now() - began) };
}

/** Has the model call a tool that asks, and waits until the session does. */
async function ask(at: Desk, place: Place, tool: string, input: object, shown: string) {
  place.model.use(tool, input);
  await place.terminal.say(fresh("please"));
  await place.terminal.shows(shown, PATIENCE_MS);
  const { session, ms } = await comesTo(at, place.name, "waiting");
  expect(session.reach).toBe("waiting_for_person");
  expect(Math.abs(Date.now() - Date.parse(session.waiting_since))).toBeLessThan(PATIENCE_MS);
  console.log(`${tool}: waiting for you ${ms} ms after its dialog`);
  return session.waiting_for;
}

/** Waits until nothing says any more that the session waits. */
async function over(at: Desk, name: string, how: string, state: string | undefined) {
  const { session, ms } = await comesTo(at, name, state);
  console.log(`${how}: over after ${ms} ms`);
  expect(session?.waiting_for).toBeUndefined();
  await eventually("no process stands by", () => at.beside().length === 0, PATIENCE_MS);
}

const QUESTION = {
  questions: [
    {
      question: "Which colour?",
      header: "Colour",
      multiSelect: false,
      options: ["Red", "Blue"].map((label) => ({ label, description: label })),
    },
  ],
};
/** Words of the dialogs on the screen. */
const CREATE = "Do you want to create";
const PROCEED = "Do you want to proceed";
const CHOICE = "Enter to select";
const write = (place: Place, name: string) => ({ file_path: join(place.client.home, name), content: "x" });

testAtTerminal(
  "a permission and a question: allowed, denied, answered, left with Esc, and left for /clear",
  async () => {
    const { at, place } = await sitDown();
    const file = write(place, fresh("file"));
    const about = await ask(at, place, "Write", file, CREATE);
    expect(about.kind).toBe("permission");
    expect(about.text).toStartWith("Write: /");
    expect((await at.bus.call("list_sessions")).result[0].reach).toBe("waiting_for_person");
    await press(place, "Enter", CREATE);
    await over(at, NAME, "allowed", "idle");
    expect(existsSync(file.file_path)).toBe(true);

    await ask(at, place, "Write", write(place, fresh("file")), CREATE);
    await press(place, "3", CREATE);
    await over(at, NAME, "denied", "idle");

    await ask(at, place, "Write", write(place, fresh("file")), CREATE);
    await press(place, "Escape", CREATE);
    await over(at, NAME, "Esc", "idle");

    expect(await ask(at, place, "AskUserQuestion", QUESTION, CHOICE)).toEqual({
      kind: "question",
      text: "Which colour?",
    });
    await press(place, "Enter", CHOICE);
    await over(at, NAME, "answered", "idle");
    expect(place.model.count("Which colour?")).toBeGreaterThan(0);

    await ask(at, place, "AskUserQuestion", QUESTION, CHOICE);
    await press(place, "Escape", CHOICE);
    await over(at, NAME, "Esc at a question", "idle");

    await ask(at, place, "Write", write(place, fresh("file")), CREATE);
    await press(place, "Escape", CREATE);
    await place.terminal.say("/clear");
    await over(at, NAME, "/clear", "idle");
    // What the hooks did reached neither the model nor the screen.
    expect(place.model.calls.at(-1)?.conversation).not.toMatch(/PermissionRequest|hook permission/);
  },
  TIMEOUT_MS,
);

testAtTerminal(
  "a question of an MCP server",
  async () => {
    desk ??= await Desk.open();
    const place = await desk.sit(
      "m",
      {},
      {
        settings: { permissions: { allow: ["mcp__asking__ask"] } },
        before: async (client) => {
          const server = join(import.meta.dir, "asking_server.ts");
          await client.run("mcp", "add", "--scope", "user", "asking", "--", process.execPath, server);
        },
      },
    );
    await place.terminal.say("hello");
    await heard(place, "hello");
    await desk.idle("m");
    const about = await ask(desk, place, "mcp__asking__ask", {}, "favourite");
    expect(about.kind).toBe("elicitation");
    await press(place, "Escape", "favourite");
    await over(desk, "m", "Esc at an elicitation", "idle");
  },
  TIMEOUT_MS,
);

testAtTerminal(
  `an allowed tool that runs for ${LONG_SECONDS} s is no waiting`,
  async () => {
    const { at, place } = await sitDown("long");
    const about = await ask(at, place, "Bash", { command: rest, description: "Rest a while" }, PROCEED);
    expect(about).toEqual({ kind: "permission", text: "Bash: Rest a while" });
    await press(place, "Enter", PROCEED);
    await over(at, "long", "allowed", "busy");
    const began = performance.now();
    const states = new Set<string>();
    while (performance.now() - began < (LONG_SECONDS - 4) * 1000) {
      states.add((await at.session("long")).state);
      await Bun.sleep(200);
    }
    expect([...states]).toEqual(["busy"]);
    await at.idle("long");
  },
  TIMEOUT_MS,
);

testAtTerminal(
  "a restart of the bus forgets no dialog, and a client that is killed at one leaves nothing",
  async () => {
    const { at, place } = await sitDown("k");
    await ask(at, place, "Write", write(place, fresh("file")), CREATE);
    await at.restart();
    const { ms } = await comesTo(at, "k", "waiting");
    console.log(`waiting for you ${ms} ms after the restart of the bus`);
    place.terminal.crash();
    await over(at, "k", "killed", undefined);
  },
  TIMEOUT_MS,
);
