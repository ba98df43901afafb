import { expect, test } from "claude-code/testing";
import { Client } from "../kit/client.ts";

/** By then the client has appended the result of a tool. */
const APPENDED_MS = 200;
const TEXT = "The build is broken.";

/** Begins a tool use, and returns its end. */
function beginTool(client: Client, more: object = {}): () => Promise<unknown> {
  const { promise, resolve } = Promise.withResolvers<void>();
  client.whileToolRuns = () => promise;
  const called = client.call("Bash", { command: "make", ...more });
  return () => {
    resolve();
    return called;
  };
}

async function atWork(client: Client, isInteractive = true): Promise<void> {
  await client.startWork(isInteractive);
  client.bus.tell(TEXT);
}

test("a line of a tool use is shown once the tool and its hooks are over", async ($, on) => {
  const client = new Client($, on);
  await atWork(client);
  const end = beginTool(client);
  await client.clock.settle();
  expect(await client.tool()).toContain(TEXT);
  await client.clock.advance(60_000);
  expect(client.lines).toEqual([]);
  await end();
  await client.clock.advance(APPENDED_MS - 1);
  expect(client.lines).toEqual([]);
  await client.clock.advance(1);
  expect(client.lines).toHaveLength(1);
  await client.clock.advance(60_000);
  await client.stop();
  expect(client.lines).toHaveLength(1);
});

test("the next tool puts it off", async ($, on) => {
  const client = new Client($, on);
  await atWork(client);
  await client.tool();
  const end = beginTool(client);
  await client.clock.advance(APPENDED_MS);
  expect(client.lines).toEqual([]);
  await end();
  await client.clock.advance(APPENDED_MS);
  expect(client.lines).toHaveLength(1);
});

test("a subagent's tool does not", async ($, on) => {
  const client = new Client($, on);
  await atWork(client);
  await client.tool();
  const end = beginTool(client, { agentId: "sub" });
  await client.clock.advance(APPENDED_MS);
  expect(client.lines).toHaveLength(1);
  await end();
});

test("a stop shows it at once, in any client", async ($, on) => {
  const client = new Client($, on);
  await atWork(client, false);
  await client.tool();
  await client.clock.advance(60_000);
  expect(client.lines).toEqual([]);
  await client.stop();
  expect(client.lines).toHaveLength(1);
});
