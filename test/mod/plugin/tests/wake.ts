import { expect, test } from "claude-code/testing";
import { Client, SOCKET } from "../kit/client.ts";

test("the idle session waits at its bus, by the socket, for 20 s at a time", async ($, on) => {
  const client = new Client($, on);
  await client.start();
  expect(client.bus.holds).toHaveLength(1);
  expect(client.bus.holds[0]).toMatchObject({ client_id: "s1", wait_seconds: 20, mod: true });
  await client.clock.advance(20_000);
  await client.clock.advance(20_000);
  expect(client.bus.holds).toHaveLength(3);
  expect(client.bus.asked.filter(({ socketPath }) => socketPath !== SOCKET)).toEqual([]);
});

test("a message starts a turn with its text, and is confirmed once", async ($, on) => {
  const client = new Client($, on);
  await client.start();
  client.bus.tell("Access tokens expire now.");
  await client.clock.settle();
  expect(client.prompts).toHaveLength(1);
  expect(client.prompts[0]).toContain("Access tokens expire now.");
  expect(client.bus.of("confirm_events")).toHaveLength(1);
  expect(client.bus.of("confirm_events")[0]).toMatchObject({ event_ids: ["1"], path: "wake", mod: true });
  await client.endTurn();
  await client.clock.advance(60_000);
  expect(client.prompts).toHaveLength(1);
});

test("the mod's own prompt is not handed over once more, nor taken for the user's", async ($, on) => {
  const client = new Client($, on);
  await client.start();
  client.bus.tell("Access tokens expire now.");
  await client.clock.settle();
  expect(client.besidePrompt).toBeUndefined();
  expect(client.bus.of("collect_events", "prompt")).toHaveLength(1);
  expect(client.bus.of("collect_events", "prompt")[0]).toMatchObject({ automatic: true });
  await client.prompt("go on");
  expect(client.bus.of("collect_events", "prompt")[1]?.automatic).toBeUndefined();
});

test("what the user reads in the mod's own prompt is not said again in a line", async ($, on) => {
  const client = new Client($, on);
  await client.start();
  const id = client.bus.tell("Access tokens expire now.");
  client.bus.more = { woken_by: { first: client.bus.unread[0], count: 1 } };
  await client.clock.settle();
  expect(client.prompts.join("")).toContain(`#${id} (direct message from web`);
  expect(client.lines).toEqual([]);
});

test("a prompt that the client drops is not confirmed, and comes again", async ($, on) => {
  const client = new Client($, on);
  await client.start();
  client.drop = "another plugin";
  client.bus.tell("Access tokens expire now.");
  await client.clock.settle();
  expect(client.bus.of("confirm_events")).toEqual([]);
  client.drop = undefined;
  await client.clock.advance(2_000);
  expect(client.prompts.length).not.toBe(1);
  expect(client.bus.of("confirm_events")).toHaveLength(1);
});

test("a message that comes as a turn begins is given back, for the turn's first tool use", async ($, on) => {
  const client = new Client($, on);
  await client.start();
  await client.beginTurn();
  client.bus.tell("Access tokens expire now.");
  await client.clock.settle();
  expect(client.prompts).toEqual([]);
  expect(client.bus.of("confirm_events")).toHaveLength(1);
  expect(client.bus.of("confirm_events")[0]).toMatchObject({ event_ids: [], unshown: ["1"] });
  expect(await client.tool()).toContain("Access tokens expire now.");
});

test("the user's draft is never read or touched", async ($, on) => {
  const client = new Client($, on);
  await client.start();
  client.bus.tell("Access tokens expire now.");
  await client.clock.settle();
  await client.tool();
  await client.stop();
  await client.endTurn();
  expect(client.prompts).toHaveLength(1);
  expect(client.drafts).toEqual([]);
});

test("without a person at it, the session is not held", async ($, on) => {
  const client = new Client($, on);
  await client.start(false);
  await client.endTurn();
  await client.clock.advance(60_000);
  expect(client.bus.asked).toEqual([]);
});
