import { describe, expect, test } from "bun:test";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startBus, type TestBus } from "../support/bus.ts";
import { tempFolder } from "../support/folder.ts";
import { startGate } from "../support/gate.ts";
import { type Client, ended, eventsIn, type HookProcess, startClient } from "../support/hooks.ts";
import { eventually } from "../support/webhook.ts";

const REACHED = "wakes";
const WOKEN = 2;
const SILENT = { stdout: "", stderr: "", code: 0 };
const PATIENCE_MS = 30_000;

/** A client whose Claude Code tells in a file of its own what it does. */
async function clientAtWork(bus: TestBus) {
  const client = await startClient(bus);
  const folder = tempFolder();
  const file = join(folder, "sessions", `${client.pid}.json`);
  mkdirSync(join(folder, "sessions"));
  const tell = (status: string, statusUpdatedAt = Date.now()) =>
    writeFileSync(file, JSON.stringify({ pid: client.pid, status, statusUpdatedAt }));
  const transcript_path = join(folder, "projects/-home-me/1.jsonl");
  tell("busy");
  /** Submits a prompt: both hooks of that event. */
  const prompt = async (more: object = {}, url = bus.url): Promise<HookProcess> => {
    const input = { hook_event_name: "UserPromptSubmit", transcript_path, ...more };
    const waiter = await client.wait({ url, input: { session_id: client.id, cwd: client.cwd, ...input } });
    await client.read("prompt");
    return waiter;
  };
  return { client, tell, prompt, hide: () => rmSync(file) };
}

// biome-ignore lint/suspicious/noExplicitAny: tests look into it
async function listed(bus: TestBus, client: Client): Promise<any> {
  return (await bus.call("list_sessions")).result.find(
    ({ client_id }: { client_id: string }) => client_id === client.id,
  );
}

const isReached = (bus: TestBus, client: Client) =>
  eventually("it waits", async () => (await listed(bus, client)).reach === REACHED, PATIENCE_MS);

async function publish(bus: TestBus, client: Client): Promise<number> {
  const message = { event_type: "note", payload: "wake up", channel: `session:${client.id}` };
  return (await bus.call("publish_event", message)).event_id;
}

describe("a waiter that a prompt starts", () => {
  test("waits for the end of the turn, which the user may have interrupted, and then wakes the session", async () => {
    const bus = await startBus("binary");
    const { client, tell, prompt } = await clientAtWork(bus);
    const waiter = await prompt();
    tell("waiting");
    tell("busy");
    expect(await listed(bus, client)).toMatchObject({ state: "busy", reach: "next_tool" });
    tell("idle");
    await isReached(bus, client);
    expect(await listed(bus, client)).toMatchObject({ state: "idle" });
    const id = await publish(bus, client);
    const { code, stderr } = await ended(waiter);
    expect([code, eventsIn(stderr)]).toEqual([WOKEN, [{ id, repeat: false }]]);
    expect(await client.read("prompt")).toBe("");
  });

  test("is not misled by an idle time before its own prompt", async () => {
    const bus = await startBus("binary");
    const { client, tell, prompt } = await clientAtWork(bus);
    tell("idle", Date.now() - 5_000);
    const waiter = await prompt();
    await Bun.sleep(1_500);
    expect(await listed(bus, client)).toMatchObject({ state: "busy", reach: "next_tool" });
    tell("idle");
    await isReached(bus, client);
    waiter.kill();
  });

  test("leaves when the next prompt came before it saw that the turn had ended", async () => {
    const bus = await startBus("binary");
    const { client, tell, prompt } = await clientAtWork(bus);
    const waiter = await prompt();
    let hasLeft = false;
    const end = ended(waiter).finally(() => {
      hasLeft = true;
    });
    // A waiter that was still starting at the interruption takes it for an older one.
    await eventually("it leaves", async () => {
      const interrupted = Date.now();
      await client.read("prompt");
      tell("idle", interrupted);
      await Bun.sleep(1_000);
      return hasLeft;
    });
    expect(await end).toEqual(SILENT);
    expect(await listed(bus, client)).toMatchObject({ state: "busy", reach: "next_tool" });
  });

  test("gives way to the one that Stop starts, or takes its place: one is left, and wakes the session once", async () => {
    const bus = await startBus("binary");
    const { client, tell, prompt } = await clientAtWork(bus);
    const byPrompt = await prompt();
    await client.read("stop");
    const byStop = await client.wait();
    tell("idle");
    const first = await Promise.race([ended(byPrompt), ended(byStop)]);
    expect(first).toEqual(SILENT);
    await isReached(bus, client);
    await publish(bus, client);
    const codes = [await byPrompt.exited, await byStop.exited].sort();
    expect(codes).toEqual([0, WOKEN]);
  });

  test.each<[when: string, more: object, hidden: boolean]>([
    ["keeps no such file", {}, true],
    ["does not say where its transcript is", { transcript_path: undefined }, false],
    ["keeps its transcript elsewhere", { transcript_path: "/x.jsonl" }, false],
  ])("leaves at once when the client %s", async (_when, more, hidden) => {
    const bus = await startBus("binary");
    const { client, prompt, hide } = await clientAtWork(bus);
    if (hidden) hide();
    expect(await ended(await prompt(more))).toEqual(SILENT);
    expect(await listed(bus, client)).toMatchObject({ state: "busy" });
  });

  test("leaves when the client's process is gone", async () => {
    const bus = await startBus("binary");
    const { client, prompt } = await clientAtWork(bus);
    const waiter = await prompt();
    await client.kill();
    expect(await ended(waiter)).toEqual(SILENT);
  });

  test("asks the bus nothing before the end of the turn", async () => {
    const bus = await startBus("binary");
    const { tell, prompt } = await clientAtWork(bus);
    const gate = startGate(bus);
    const waiter = await prompt({}, gate.url);
    await Bun.sleep(1_500);
    expect(gate.calls).toEqual([]);
    tell("idle");
    await eventually("it asks", () => gate.calls.length > 0, PATIENCE_MS);
    waiter.kill();
  });
});
