import { expect } from "bun:test";
import { type ProcessBus, startBus } from "../support/bus.ts";
import { running } from "../support/process.ts";
import { percentile } from "../support/webhook.ts";
import type { Claude } from "./client.ts";
import { newClient, testWithClaude } from "./converse.ts";
import { startTalker, type Talker } from "./talker.ts";

const RUNS = 4;
const TIMEOUT_MS = 240_000;

/** A run with one tool use; all that was printed, and how long it took. */
async function print(client: Claude, model: Talker): Promise<{ printed: string; ms: number }> {
  model.use("Bash", { command: "true", description: "Work" });
  const began = performance.now();
  const printed = await client.run("-p", "work", "--allowedTools", "Bash");
  return { printed, ms: performance.now() - began };
}

function clientWithHooks(model: Talker, url: string): Claude {
  const client = newClient(model.url);
  client.installHooks(url);
  return client;
}

/** The address of a bus that was there. */
async function formerUrl(): Promise<string> {
  const bus = await startBus("binary");
  await bus.stop();
  return bus.url;
}

testWithClaude(
  "claude -p prints the same with all hooks, with the bus down too, and ends",
  async () => {
    const bus = await startBus("binary");
    const model = startTalker();
    const clients = {
      "without hooks": newClient(model.url),
      "with hooks": clientWithHooks(model, bus.url),
      "with hooks and no bus": clientWithHooks(model, await formerUrl()),
    };
    const times = new Map(Object.keys(clients).map((which): [string, number[]] => [which, []]));
    for (let run = 0; run <= RUNS; run++)
      for (const [which, client] of Object.entries(clients)) {
        const { printed, ms } = await print(client, model);
        expect(printed).toBe("done\n");
        // A new user's first run does more.
        if (run > 0) times.get(which)?.push(ms);
      }
    model.stop();
    expect(await registered(bus)).toBe(RUNS + 1);
    expect((await bus.call("list_sessions")).result).toEqual([]);
    expect(running(["hook", "wait"], `AGENT_EVENT_BUS_URL=${bus.url}\0`)).toEqual([]);
    console.log(`claude -p, medians of ${RUNS}: ${inWords(times)}`);
  },
  TIMEOUT_MS,
);

function inWords(times: Map<string, number[]>): string {
  const floor = times.get("without hooks") ?? [];
  const median = (ms: readonly number[]) => Math.round(percentile(ms, 0.5));
  const more = (ms: readonly number[]) => median(ms.map((one, run) => one - (floor[run] ?? Number.NaN)));
  return [...times]
    .map(([which, ms]) => `${which} ${median(ms)} ms${ms === floor ? "" : ` (+${more(ms)} run by run)`}`)
    .join(", ");
}

async function registered(bus: ProcessBus): Promise<number> {
  const { events } = await bus.call("get_events", { limit: 100, event_types: ["session_registered"] });
  return events.length;
}

testWithClaude(
  "claude -p is shown what comes while it works, once, and prints nothing of it",
  async () => {
    const bus = await startBus("binary");
    const text = "the plan changed";
    const model = startTalker(async ({ news }) => {
      if (news.includes("tool_result")) return;
      const [session] = (await bus.call("list_sessions")).result;
      const channel = `session:${session.session_id}`;
      await bus.call("publish_event", { event_type: "help_needed", payload: text, channel });
    });
    const { printed } = await print(clientWithHooks(model, bus.url), model);
    model.stop();
    expect(printed).toBe("done\n");
    expect(model.heard(text)?.news).toContain('"type":"tool_result"');
    expect(model.count(text)).toBe(1);
  },
  TIMEOUT_MS,
);
