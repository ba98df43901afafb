import { expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type ProcessBus, startBus, type TestBus } from "../support/bus.ts";
import { tempFolder } from "../support/folder.ts";
import { type Client, ended, eventsIn, type HookProcess, startClient } from "../support/hooks.ts";
import { eventually } from "../support/webhook.ts";
import { readsIn } from "./digest.ts";

const SESSIONS = 5;
const EVENTS = 500;
const AT_ONCE = 16;
const MOST_BYTES = 4_096;
const WOKEN = 2;

/** A session that waits, and what was put into its context. */
interface Idle {
  client: Client;
  waiter: HookProcess;
  wakes: number;
  texts: string[];
}

async function startIdle(bus: TestBus, cwd: string): Promise<Idle> {
  const client = await startClient(bus, { cwd });
  const waiter = await client.wait();
  await eventually("it waits", async () => (await reachOf(bus, client)) === "wakes", 30_000);
  return { client, waiter, wakes: 0, texts: [] };
}

async function reachOf(bus: TestBus, { id }: Client): Promise<string | undefined> {
  const { result } = await bus.call("list_sessions");
  return result.find((one: { client_id: string }) => one.client_id === id)?.reach;
}

/** Publishes as fast as the bus takes it, with one message to a session amid the others. */
async function storm(
  bus: TestBus,
  to: Client,
  channel: string,
): Promise<{ storm: number[]; message: number }> {
  const ids: number[] = [];
  let message = 0;
  let next = 0;
  const publish = async (event: object) =>
    (await bus.call("publish_event", { session_id: "runaway", ...event })).event_id;
  const publisher = async () => {
    for (let i = next++; i < EVENTS; i = next++) {
      if (i === EVENTS / 2)
        message = await publish({
          event_type: "question",
          payload: "Is it you?",
          channel: `session:${to.id}`,
        });
      else
        ids.push(
          await publish({ event_type: "help_needed", payload: `It fails again, attempt ${i}.`, channel }),
        );
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, publisher));
  return { storm: ids.toSorted((a, b) => a - b), message };
}

/** What a client does when its waiter has ended: a turn without a tool use, and then it waits again. */
async function settle(bus: TestBus, idle: Idle): Promise<void> {
  for (;;) {
    const left = await Promise.race([idle.waiter.exited, Bun.sleep(1_500).then(() => undefined)]);
    if (left === undefined) return;
    const { stderr, code } = await ended(idle.waiter);
    if (code !== WOKEN) throw new Error(`the waiter left with ${code}: ${stderr}`);
    idle.wakes++;
    idle.texts.push(stderr);
    const stop = await idle.client.read("stop", { with: { stop_hook_active: false } });
    if (stop !== "") idle.texts.push(stop);
    idle.waiter = await idle.client.wait();
    await eventually("it waits", async () => (await reachOf(bus, idle.client)) === "wakes", 30_000);
  }
}

const bytesOf = (texts: readonly string[]) => texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);

async function startFive(): Promise<{ bus: ProcessBus; idles: Idle[]; channel: string }> {
  const bus = await startBus("binary");
  const cwd = join(tempFolder(), "shop");
  mkdirSync(cwd);
  const idles = await Promise.all(Array.from({ length: SESSIONS }, () => startIdle(bus, cwd)));
  return { bus, idles, channel: "repo:shop" };
}

test(`${EVENTS} actionable events to a repository wake none of its idle sessions; a message among them is seen first`, async () => {
  const { bus, idles, channel } = await startFive();
  const addressee = idles[2] as Idle;
  const began = performance.now();
  const { storm: ids, message } = await storm(bus, addressee.client, channel);
  const ms = performance.now() - began;
  await Promise.all(idles.map((idle) => settle(bus, idle)));
  for (const idle of idles) idle.texts.push(await idle.client.read("prompt"));
  console.log(
    `${EVENTS} actionable events in ${ms.toFixed(0)} ms, one message among them; for each of ${SESSIONS} idle sessions: ` +
      `${idles.map(({ wakes, texts }) => `woken ${wakes} times, ${bytesOf(texts)} bytes`).join("; ")}`,
  );
  for (const idle of idles) {
    expect(idle.wakes).toBe(idle === addressee ? 1 : 0);
    expect(bytesOf(idle.texts)).toBeLessThanOrEqual(MOST_BYTES);
    expect(idle.texts.at(-1)).toContain(`${EVENTS - 1} events since`);
    expect(await readsIn(bus, idle.texts.at(-1) ?? "")).toEqual(ids);
    expect(await idle.client.read("prompt")).toBe("");
  }
  expect(eventsIn(addressee.texts[0] ?? "")).toEqual([{ id: message, repeat: false }]);
});
