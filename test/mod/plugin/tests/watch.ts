// A hook for which the bus has nothing does not wait for the bus.
import { expect, test } from "claude-code/testing";
import { Client } from "../kit/client.ts";

/** A client at work, for which the bus has nothing. */
async function working(...[$, on]: ConstructorParameters<typeof Client>): Promise<Client> {
  const client = new Client($, on);
  await client.start();
  await client.prompt("hello");
  await client.clock.settle();
  return client;
}

for (const hook of ["prompt", "tool", "stop"] as const)
  test(`a ${hook} goes on beside a bus that hangs, and the bus is told`, async ($, on) => {
    const client = await working($, on);
    client.bus.silent.add("collect_events");
    expect(await (hook === "prompt" ? client.prompt("go on") : client[hook]())).toBeUndefined();
    await client.clock.settle();
    expect(client.bus.of("collect_events", hook).at(-1)).toMatchObject({ limit: 0, mod: true });
  });

test("a message is taken by the next hook, and then the bus is watched again", async ($, on) => {
  const client = await working($, on);
  for (const text of ["The first.", "The second."]) {
    client.bus.tell(text);
    await client.clock.settle();
    expect(await client.tool()).toContain(text);
    await client.clock.settle();
    client.bus.silent.add("collect_events");
    expect(await client.tool()).toBeUndefined();
    client.bus.silent.clear();
    await client.clock.settle();
  }
});

test("a prompt asks for what only prompts take, and a tool use does not wait", async ($, on) => {
  const client = await working($, on);
  client.bus.isForPrompt = true;
  await client.clock.advance(20_000);
  await client.tool();
  await client.clock.settle();
  expect(client.bus.of("collect_events").at(-1)).toMatchObject({ path: "tool", limit: 0 });
  await client.prompt("go on");
  expect(client.bus.of("collect_events").at(-1)).toMatchObject({ path: "prompt", limit: 20 });
});

test("a prompt with another title asks, for the session's new name", async ($, on) => {
  const client = await working($, on);
  client.bus.more = { renamed: "payments" };
  expect(await client.prompt("go on", { session_title: "payments" })).toContain("payments");
  await client.clock.settle();
  await client.prompt("and on", { session_title: "payments" });
  await client.clock.settle();
  expect(client.bus.of("collect_events", "prompt").map(({ limit }) => limit)).toEqual([20, 20, 0]);
});

test("when the bus was away, the next hook asks", async ($, on) => {
  const client = await working($, on);
  client.bus.trouble = "away";
  await client.clock.advance(20_000);
  client.bus.trouble = undefined;
  client.bus.tell("Back again.");
  expect(await client.tool()).toContain("Back again.");
});

test("the session waits once the bus was told that the turn ended", async ($, on) => {
  const client = await working($, on);
  client.bus.dismiss();
  await client.clock.settle();
  await client.stop();
  await client.endTurn();
  const asked = client.bus.asked.map(({ tool, args }) => `${tool} ${args.path ?? ""}`);
  expect(asked.lastIndexOf("collect_events wake")).toBe(asked.length - 1);
  expect(asked.lastIndexOf("collect_events stop")).not.toBe(-1);
});

test("a client without a person has no open call, which would keep it from its next prompt", async ($, on) => {
  const client = new Client($, on);
  await client.start(false);
  await client.prompt("hello");
  await client.tool();
  await client.stop();
  await client.endTurn();
  expect(client.bus.asked.map(({ tool }) => tool)).toEqual(Array(3).fill("collect_events"));
});
