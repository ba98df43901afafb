// Real clients that have the plugin, one of each version, all at one desk.
import { fresh } from "../support/agent.ts";
import { eventually } from "../support/webhook.ts";
import { findClaude } from "./client.ts";
import { testAtTerminal } from "./converse.ts";
import { type Desk, heard, PATIENCE_MS, type Place } from "./desk.ts";

const VERSIONS = ["2.1.330", "2.1.332"];

/** An idle client of each version, connected to the bus's tools too. */
export async function sitMods(desk: Desk, settings: object = {}): Promise<Place[]> {
  const opening = VERSIONS.map(async (version) => {
    const file = await findClaude(version);
    if (file === undefined) console.log(`skipped: the mod in Claude Code ${version}, it is not there`);
    if (file === undefined) return [];
    const name = `v${version.replaceAll(".", "-")}`;
    const before = (client: Place["client"]) => client.add(desk.bus.url);
    return [await desk.sitIdle(name, undefined, { connected: "mod", file, settings, before })];
  });
  return (await Promise.all(opening)).flat();
}

/** Makes a test that every client has to pass, all at once. */
export function testEach(places: () => readonly Place[], timeoutMs: number) {
  return (name: string, run: (place: Place) => Promise<void>) =>
    testAtTerminal(name, async () => void (await Promise.all(places().map(run))), timeoutMs);
}

/** Waits until the mod carries an idle session, and the fallback's processes have seen it. */
export async function rests(desk: Desk, { name, client }: Place): Promise<void> {
  await desk.idle(name);
  await eventually(`no process beside ${name}`, () => desk.ours(client).length === 0, PATIENCE_MS);
  expectRung(await desk.session(name), "mod");
}

function expectRung({ rung }: { rung: string }, wanted: string): void {
  if (rung !== wanted) throw new Error(`carried by ${rung}, not ${wanted}`);
}

/** Wakes the session by a message. How long until its model was called (ms), and which rung did it. */
export async function wake(
  desk: Desk,
  place: Place,
  text = fresh("please look"),
): Promise<{ ms: number; by: "mod" | "waiter" }> {
  const { id, sent } = await desk.tell(place.name, `${text}.`);
  const { at, news } = await heard(place, `${text}.`);
  const { state, offered_by } = await desk.delivery(id);
  if (state !== "seen" || offered_by !== "wake") throw new Error(`#${id} is ${state} by ${offered_by}`);
  return { ms: at - sent, by: news.includes("agent-event-bus plugin sent a message") ? "mod" : "waiter" };
}
