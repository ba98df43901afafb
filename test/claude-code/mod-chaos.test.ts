// Five real clients, with the mod and with hooks, while the bus and a client are killed and an installation changes.
import { afterAll, beforeAll, expect } from "bun:test";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fresh } from "../support/agent.ts";
import { removeFolders } from "../support/folder.ts";
import { eventually } from "../support/webhook.ts";
import { findClaude } from "./client.ts";
import { atTerminal, testAtTerminal } from "./converse.ts";
import { type Connected, Desk, heard, PATIENCE_MS, type Place } from "./desk.ts";
import { startTalker, type Talker } from "./talker.ts";

const MESSAGES = 200;
const BETWEEN_MS = 60;
/** Every so many calls the model uses a tool, so that messages come to sessions at work as well. */
const TOOL_EVERY = 3;
/** Messages after which the bus is killed. */
const KILLED_AT = [40, 170];
const KILLS = KILLED_AT.length;
const NEWER = "2.1.332";
const TIMEOUT_MS = 240_000;

let desk: Desk;
const places = new Map<string, Place>();

beforeAll(async () => {
  if (!atTerminal) return;
  desk = await Desk.open();
  const newer = await findClaude(NEWER);
  const sit = async (name: string, connected: Connected, file?: string) => {
    places.set(name, await desk.sitIdle(name, worker(), { connected, file }));
  };
  await Promise.all([
    ...[sit("killed", "mod"), sit("changed", "mod"), sit("newer", "mod", newer)],
    ...[sit("hooks", "hooks"), sit("newer-hooks", "hooks", newer)],
  ]);
}, TIMEOUT_MS);

afterAll(async () => {
  await desk?.close();
  removeFolders();
});

function worker(): Talker {
  const model: Talker = startTalker(async () => {
    if (model.calls.length % TOOL_EVERY === 0)
      model.use("Bash", { command: "sleep 0.2", description: "Work" });
  });
  return model;
}

function placeOf(name: string): Place {
  const place = places.get(name);
  if (place === undefined) throw new Error(`there is no ${name}`);
  return place;
}

/** Sends a message, again if the bus is killed before it stores it. Returns its id. */
async function send(to: string, payload: string): Promise<number> {
  for (;;) {
    try {
      return (await desk.tell(to, payload)).id;
    } catch {
      await eventually("the bus is back", isThere, PATIENCE_MS);
      const { events } = await desk.bus.call("get_events", { event_types: ["question"], limit: 50 });
      const stored = events.find((event: { payload: string }) => event.payload === payload);
      if (stored !== undefined) return stored.id;
    }
  }
}

const isThere = async () => (await desk.bus.call("list_sessions").catch(() => undefined)) !== undefined;

/** How often the model was shown a message, and whether one of them is marked as a repeat. */
function timesShown({ model }: Place, id: number, text: string): { times: number; isMarked: boolean } {
  const { conversation = "" } = model.calls.at(-1) ?? {};
  const heads = conversation.match(new RegExp(`#${id} \\(direct message.*?\\\\n`, "g")) ?? [];
  return { times: model.count(text), isMarked: heads.some((head) => head.includes("may be a repeat")) };
}

/** The call of the model in which it first heard a text. The texts of one hand-over have the same. */
function firstCall({ model }: Place, text: string): number {
  return model.calls.findIndex(({ conversation = "" }) => conversation.includes(text));
}

/** Continues a conversation whose client was killed. */
async function comeBack(name: string, client_id: string): Promise<void> {
  places.set(name, await desk.resume(placeOf(name), client_id));
  await placeOf(name).terminal.say(fresh("I am back"));
}

/**
 * Kills a client that rests. Returns its id, by which it can be resumed. One that has just taken a message, and has not called
 * its model yet, would take the message along.
 */
async function killClient(name: string, sent: readonly { name: string; text: string }[]): Promise<string> {
  await heard(placeOf(name), sent.findLast((one) => one.name === name)?.text ?? "");
  await desk.idle(name);
  return killAtRest(name);
}

/** Kills a client whose screen stands still, and whose last answer is written: what was not answered would come again. */
async function killAtRest(name: string): Promise<string> {
  const { client_id } = await desk.session(name);
  const { terminal, client } = placeOf(name);
  await terminal.rests();
  await eventually(`${name} has written its answer`, () => hasAnswered(client.home), PATIENCE_MS);
  terminal.crash();
  return client_id;
}

/** True if the conversation ends with an answer of the model. */
function hasAnswered(home: string): boolean {
  const [file = ""] = new Bun.Glob(".claude/projects/*/*.jsonl").scanSync({ cwd: home, dot: true });
  const entries = readFileSync(join(home, file), "utf8").split("\n").filter(Boolean);
  const messages = entries.flatMap((entry) => JSON.parse(entry).message ?? []);
  return messages.at(-1)?.stop_reason === "end_turn";
}

/** Changes an installation from the plugin to hooks beside a client that runs, where both may act for a while. */
function changeInstallation(name: string): void {
  const { client } = placeOf(name);
  rmSync(client.plugin, { recursive: true });
  client.installHooks(desk.bus.url);
}

testAtTerminal(
  `each of ${MESSAGES} messages is shown once, whatever is killed and however the sessions are connected`,
  async () => {
    const names = [...places.keys()];
    const sent: { name: string; text: string; id: number }[] = [];
    const meanwhile: Promise<void>[] = [];
    for (let i = 0; i < MESSAGES; i++) {
      if (KILLED_AT.includes(i)) meanwhile.push(desk.restart());
      if (i === 70) meanwhile.push(comeBack("killed", await killClient("killed", sent)));
      if (i === 100) changeInstallation("changed");
      if (i === 140) {
        meanwhile.push(comeBack("changed", await killAtRest("changed")));
      }
      const name = names[i % names.length] ?? "";
      const text = `${fresh("message")}.`;
      sent.push({ name, text, id: await send(name, text) });
      await Bun.sleep(BETWEEN_MS);
    }
    await Promise.all(meanwhile);
    const states = new Map<string, number>();
    for (const { name, text, id } of sent) {
      await heard(placeOf(name), text);
      const { state, offered_by } = await desk.delivery(id);
      expect({ id, state }).toEqual({ id, state: "seen" });
      const way = `${name} ${offered_by}`;
      states.set(way, (states.get(way) ?? 0) + 1);
    }
    await Promise.all(names.map((name) => desk.idle(name)));
    const shown = sent.map(({ name, id, text }) => {
      const place = placeOf(name);
      return { name, id, call: firstCall(place, text), ...timesShown(place, id, text) };
    });
    const repeats = shown.filter(({ times, isMarked }) => times === 2 && isMarked);
    const wrong = shown.filter((one) => one.times !== 1 && !repeats.includes(one));
    const rungs = await Promise.all(names.map(async (name) => `${name} ${(await desk.session(name)).rung}`));
    console.log(`${MESSAGES} messages, shown by: ${[...states].map(([way, n]) => `${way} ${n}`).join(", ")}`);
    console.log(`rungs at the end: ${rungs.join(", ")}`);
    console.log(
      `shown again, marked so: ${repeats.map(({ name, id, call }) => `#${id} by ${name} (${call})`).join(", ") || "none"}`,
    );
    expect(wrong).toEqual([]);
    // A kill between showing and confirming leaves the bus without an answer. It comes to one message of a session.
    expect(repeats.length).toBeLessThanOrEqual(KILLS);
  },
  TIMEOUT_MS,
);
