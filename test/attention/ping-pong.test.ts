import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { binary } from "../support/binary.ts";
import { type ProcessBus, startBus } from "../support/bus.ts";
import { tempFolder } from "../support/folder.ts";
import { type Client, ended, eventsIn, type HookProcess, startClient } from "../support/hooks.ts";
import { eventually } from "../support/webhook.ts";

const EXCHANGES = 6;
const WOKEN = 2;
const BASH = { tool_name: "Bash", tool_input: { command: "make test" } };
const THANKS = {
  tool_name: "Bash",
  tool_input: { command: `'${binary}' publish --payload 'Thank you; really.'` },
};
const SEARCH = { tool_name: "ToolSearch", tool_input: { query: "reply" } };
/** The prompts of a turn that a wake began, in this client and in a later one. */
const BY_WAKE = [
  { prompt: "<task-notification>\n<summary>Stop hook feedback</summary>\n</task-notification>" },
  { prompt: "Stop hook feedback", source: "system" },
];
const REPLY = { tool_name: "mcp__agent-event-bus__reply", tool_input: {} };

/** A session that answers every message with thanks, as long as it is woken. */
class Thankful {
  readonly bus: ProcessBus;
  readonly client: Client;
  readonly wakes: string[] = [];
  to = "";
  #waiter: HookProcess | undefined;

  constructor(bus: ProcessBus, client: Client) {
    this.bus = bus;
    this.client = client;
  }

  async wait(): Promise<void> {
    this.#waiter = await this.client.wait();
    void this.#follow(this.#waiter);
    await this.waits();
  }

  waits(): Promise<void> {
    return eventually("it waits", async () => (await this.reach()) !== "next_prompt", 30_000);
  }

  async reach(): Promise<string | undefined> {
    const { result } = await this.bus.call("list_sessions");
    return result.find((one: { client_id: string }) => one.client_id === this.client.id)?.reach;
  }

  async thank(): Promise<number> {
    const message = { event_type: "note", payload: "Thank you!", channel: `session:${this.to}` };
    return (await this.bus.call("publish_event", { ...message, session_id: this.client.id })).event_id;
  }

  async #follow(waiter: HookProcess): Promise<void> {
    const { code, stderr } = await ended(waiter, 300_000);
    if (code !== WOKEN) return;
    this.wakes.push(stderr);
    for (const prompt of BY_WAKE) await this.client.run("prompt", { with: prompt });
    for (const tool of [SEARCH, REPLY, THANKS]) await this.client.run("tool", { with: tool });
    await this.thank();
    await this.client.run("stop", { with: { stop_hook_active: false } });
    await this.wait();
  }
}

/** A bus on a desktop whose notifications are written down. */
async function startRecorded(): Promise<{ bus: ProcessBus; notes: () => string[] }> {
  const folder = tempFolder();
  mkdirSync(join(folder, "bin"));
  const record = join(folder, "shown");
  writeFileSync(
    join(folder, "bin/notify-send"),
    `#!/bin/sh\necho "$*" | tr '\\n' ' ' >> '${record}'\necho >> '${record}'\n`,
    {
      mode: 0o755,
    },
  );
  const bus = await startBus("binary", {
    env: { PATH: `${join(folder, "bin")}:${process.env.PATH}`, DISPLAY: ":9" },
  });
  const notes = () => (existsSync(record) ? readFileSync(record, "utf8").split("\n").filter(Boolean) : []);
  return { bus, notes };
}

test(`two sessions that thank each other stop after ${EXCHANGES} messages, and go on after other work`, async () => {
  const { bus, notes } = await startRecorded();
  const [a, b] = [await startClient(bus), await startClient(bus)].map(
    (client) => new Thankful(bus, client),
  ) as [Thankful, Thankful];
  [a.to, b.to] = [b.client.id, a.client.id];
  await Promise.all([a.wait(), b.wait()]);
  await a.thank();
  const told = async () => (await bus.call("get_events", { event_types: ["ping_pong"] })).events;
  await eventually("both are told", async () => (await told()).length === 2, 120_000);
  await Bun.sleep(2_000);
  expect(a.wakes.length + b.wakes.length).toBe(EXCHANGES);
  expect((await told()).map(({ channel }: { channel: string }) => channel).sort()).toEqual(
    [`session:${a.client.id}`, `session:${b.client.id}`].sort(),
  );
  const toUser = notes().filter((note) => note.includes("no longer wake"));
  expect(toUser).toHaveLength(1);
  console.log(`two thankful sessions: ${EXCHANGES} wakes, then the user is told: ${toUser[0]?.trim()}`);

  // The next one waits for a tool use, with the word about it.
  await Promise.all([a.waits(), b.waits()]);
  expect(await a.reach()).toBe("wakes");
  const late = await b.client.read("prompt");
  const early = await a.client.read("tool", { with: BASH });
  expect([eventsIn(late), eventsIn(early)].map((events) => events.length).sort()).toEqual([1, 2]);
  for (const text of [late, early])
    expect(text).toContain(
      "Messages between them no longer wake them and arrive with the next prompt or tool use.",
    );

  // Other work lets them wake again, and nobody is told twice within the hour.
  await Promise.all([a.client.run("stop"), b.client.run("stop")]);
  await Promise.all([a.wait(), b.wait()]);
  const before = a.wakes.length + b.wakes.length;
  await b.thank();
  await eventually("they thank again", () => a.wakes.length + b.wakes.length === before + EXCHANGES, 120_000);
  await Bun.sleep(2_000);
  expect(a.wakes.length + b.wakes.length).toBe(before + EXCHANGES);
  expect(await told()).toHaveLength(2);
  expect(notes().filter((note) => note.includes("no longer wake"))).toHaveLength(1);
}, 300_000);
