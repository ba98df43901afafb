import { afterAll, beforeAll, expect } from "bun:test";
import { binary } from "../support/binary.ts";
import { removeFolders } from "../support/folder.ts";
import { eventually } from "../support/webhook.ts";
import { atTerminal, testAtTerminal } from "./converse.ts";
import { Desk, heard, PATIENCE_MS } from "./desk.ts";
import { startTalker, type Talker } from "./talker.ts";

const EXCHANGES = 6;
const TIMEOUT_MS = 180_000;
const SETTLED_MS = 5_000;

let desk: Desk;

beforeAll(async () => {
  if (atTerminal) desk = await Desk.open();
}, TIMEOUT_MS);

afterAll(async () => {
  await desk?.close();
  removeFolders();
});

/** A model that answers what a session sends with thanks, by a shell command. */
function thankful(to: string): Talker {
  const model: Talker = startTalker(async ({ news }) => {
    if (!news.includes("direct message from") || news.includes("ping_pong")) return;
    const command = `'${binary}' publish --type note --payload 'Thank you!' --channel session:${to}`;
    model.use("Bash", { command, description: "Thank" });
  });
  return model;
}

testAtTerminal(
  `two real sessions that thank each other stop after ${EXCHANGES} messages`,
  async () => {
    const [a, b] = await Promise.all([desk.sitIdle("a", thankful("b")), desk.sitIdle("b", thankful("a"))]);
    await Bun.sleep(SETTLED_MS);
    const { event_id: first } = await desk.bus.call("publish_event", {
      ...{ event_type: "note", payload: "Well done.", channel: "session:b" },
      session_id: (await desk.session("a")).session_id,
    });
    const sent = async () => {
      const { events } = await desk.bus.call("get_events", { cursor: String(first - 1), order: "asc" });
      return events.filter(({ event_type }: { event_type: string }) => event_type === "note");
    };
    await eventually("they are told", async () => (await told()).length === 2, 4 * PATIENCE_MS);
    await Bun.sleep(SETTLED_MS);
    const messages = await sent();
    const turns = [a, b].map(
      ({ model }) => model.calls.filter(({ news }) => news.includes("direct message")).length,
    );
    console.log(
      `two thankful sessions of the real client: ${messages.length} messages, turns they began: ${turns}`,
    );
    // A message that comes during a turn is handed over in it, without a wake.
    expect(messages.length).toBeGreaterThan(EXCHANGES);
    expect(messages.length).toBeLessThanOrEqual(EXCHANGES + 3);
    const waits = messages.at(-1);
    const place = waits.channel === `session:${(await desk.session("a")).session_id}` ? a : b;
    await place.terminal.say("what is new?");
    const { conversation } = await heard(place, "what is new?");
    expect(conversation).toContain(`#${waits.id} (direct message`);
    expect(conversation).toContain("no longer wake");
  },
  TIMEOUT_MS,
);

async function told(): Promise<unknown[]> {
  return (await desk.bus.call("get_events", { event_types: ["ping_pong"] })).events;
}
