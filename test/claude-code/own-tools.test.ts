// The bus's own tools, called by a model that gives no session_id.
import { afterAll, expect } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fresh } from "../support/agent.ts";
import { startBus } from "../support/bus.ts";
import { removeFolders, tempFolder } from "../support/folder.ts";
import { answersOf, converse, testAtTerminal, testWithClaude } from "./converse.ts";
import { Desk, heard, PATIENCE_MS, type Place, press } from "./desk.ts";

const TIMEOUT_MS = 180_000;
const ASK = "mcp__agent-event-bus__ask";
const REPLY = "mcp__agent-event-bus__reply";
const PROCEED = "Do you want to proceed";
let desk: Desk | undefined;

afterAll(async () => {
  await desk?.close();
  removeFolders();
});

/** A client that is connected to the bus, with these permissions, and idle. */
async function sit(at: Desk, name: string, permissions: object): Promise<Place> {
  const place = await at.sit(
    name,
    {},
    {
      before: async (client) => {
        await client.add(at.bus.url);
        const file = join(client.home, ".claude/settings.json");
        writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, "utf8")), permissions }));
      },
    },
  );
  await place.terminal.say("hello");
  await heard(place, "hello");
  await at.idle(name);
  return place;
}

// biome-ignore lint/suspicious/noExplicitAny: tests look into them
async function asked(at: Desk, payload: string): Promise<any> {
  const { events } = await at.bus.call("get_events", { event_types: ["question"] });
  return events.find((event: { payload: string }) => event.payload === payload);
}

testAtTerminal(
  "a question is its session's, and the answer wakes that session alone; the user's permissions decide as ever",
  async () => {
    const at = await Desk.open();
    desk = at;
    const [api, web, careful, never] = await Promise.all([
      sit(at, "api", { allow: [ASK] }),
      sit(at, "web", { allow: [REPLY] }),
      sit(at, "careful", { ask: [ASK] }),
      sit(at, "never", { deny: [ASK] }),
    ]);
    const idOf = async (name: string) => (await at.session(name)).session_id;

    const [question, answer] = [fresh("which port"), fresh("port 8080")];
    web.model.use(REPLY, ({ news }) => {
      const [, id] = /answer with reply\(event_id=(\d+)\)/.exec(news) ?? [];
      return { event_id: Number(id), payload: answer };
    });
    api.model.use(ASK, { to: "web", payload: question, wait_seconds: 0 });
    await api.terminal.say("ask web");
    await heard(web, question);
    await heard(api, answer);
    expect(await asked(at, question)).toMatchObject({ session_id: await idOf("api") });
    const { events } = await at.bus.call("get_events", { event_types: ["answer"] });
    expect(events).toMatchObject([
      { payload: answer, session_id: await idOf("web"), channel: `session:${await idOf("api")}` },
    ]);
    for (const other of [careful, never]) expect(other.model.heard(answer)).toBeUndefined();
    expect(api.model.heard("You are anonymous")).toBeUndefined();

    const [yes, no] = [fresh("asked, yes"), fresh("asked, no")];
    for (const [payload, key] of [
      [yes, "Enter"],
      [no, "Escape"],
    ] as const) {
      careful.model.use(ASK, { to: "machine:elsewhere", payload, wait_seconds: 0 });
      await careful.terminal.say(fresh("ask"));
      await careful.terminal.shows(PROCEED, PATIENCE_MS);
      expect(careful.terminal.screen()).toContain(`session_id: "${await idOf("careful")}"`);
      expect(await asked(at, payload)).toBeUndefined();
      await press(careful, key, PROCEED);
      await at.idle("careful");
    }
    expect(await asked(at, yes)).toMatchObject({ session_id: await idOf("careful") });
    expect(await asked(at, no)).toBeUndefined();

    const denied = fresh("denied");
    never.model.use(ASK, { to: "machine:elsewhere", payload: denied, wait_seconds: 0 });
    await never.terminal.say(fresh("ask"));
    await heard(never, "No such tool available");
    expect(await asked(at, denied)).toBeUndefined();
  },
  TIMEOUT_MS,
);

testWithClaude(
  "without the hook the bus warns an agent that does not say who it is",
  async () => {
    const bus = await startBus("binary", { folder: tempFolder(true) });
    await converse(bus.url, async (call) => {
      const answer = answersOf(call);
      const note = { event_type: "note", payload: "x" };
      expect((await answer("publish_event", note)).warning).toContain("You are anonymous");
      const { session_id } = await answer("register_session", { name: "a" });
      expect(await answer("publish_event", { ...note, session_id })).not.toHaveProperty("warning");
    });
    await bus.stop();
  },
  TIMEOUT_MS,
);
