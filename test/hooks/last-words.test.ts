import { expect, test } from "bun:test";
import { startBus, type TestBus } from "../support/bus.ts";
import { cli } from "../support/cli.ts";
import { type Client, startClient } from "../support/hooks.ts";
import { ALL_HOSTILE, unsafeIn } from "../support/hostile.ts";
import { eventually } from "../support/webhook.ts";

// biome-ignore lint/suspicious/noExplicitAny: tests look into it
async function rowOf(bus: TestBus, client: Client): Promise<any> {
  const { result } = await bus.call("list_sessions");
  return result.find(({ client_id }: { client_id: string }) => client_id === client.id);
}

test("the first words of an agent's last answer stand in list_sessions, until there are others", async () => {
  const bus = await startBus("binary");
  const client = await startClient(bus);
  const stop = (last_assistant_message?: unknown, more = {}, env = {}) =>
    client.read("stop", { with: { hook_event_name: "Stop", last_assistant_message, ...more }, env });
  const wordsAre = (words: string) =>
    eventually(words, async () => (await rowOf(bus, client)).last_words === words);
  expect(await rowOf(bus, client)).not.toContainKey("last_words");
  await stop("Done.\n\nAll tests pass. ".padEnd(500, "and more "));
  await eventually("they are there", async () => (await rowOf(bus, client)).last_words !== undefined);
  const { last_words } = await rowOf(bus, client);
  expect(last_words).toStartWith("Done. All tests pass. and more");
  expect(last_words).toEndWith("…");
  expect(last_words.length).toBeLessThanOrEqual(120);
  await stop("Second answer.");
  await wordsAre("Second answer.");
  await stop();
  await stop(7);
  await stop("Private.", {}, { AGENT_EVENT_BUS_LAST_WORDS: "off" });
  await stop("Of a subagent.", { agent_id: "a1" });
  await client.read("prompt", { with: { last_assistant_message: "No." } });
  await wordsAre("Second answer.");
  await stop(ALL_HOSTILE);
  await eventually("hostile", async () => (await rowOf(bus, client)).last_words !== "Second answer.");
  for (const form of [[], ["--json"]]) {
    const { stdout, stderr } = await cli(["sessions", ...form], { bus });
    expect(unsafeIn(`${stdout}${stderr}`)).toEqual([]);
  }
});

test("a turn that a Stop hook continued tells its words by the waiter", async () => {
  const bus = await startBus("binary");
  const client = await startClient(bus);
  const words = { hook_event_name: "Stop", stop_hook_active: true, last_assistant_message: "Went on." };
  await client.wait({ with: words });
  await eventually("they are there", async () => (await rowOf(bus, client)).last_words === "Went on.");
});
