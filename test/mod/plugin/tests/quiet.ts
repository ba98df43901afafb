import { expect, test } from "claude-code/testing";
import { Client } from "../kit/client.ts";

const TEXT = "The build is broken.";

/** A client whose first turn has emptied its inbox, and whose bus does not answer what hooks ask from now on. */
async function slow(client: Client): Promise<void> {
  await client.start();
  await client.prompt("hello");
  await client.endTurn();
  client.bus.silent.add("collect_events");
}

for (const path of ["prompt", "tool"] as const) {
  const reach = (client: Client) => (path === "prompt" ? client.prompt("go on") : client.tool());

  test(`with nothing to read, a ${path} does not wait for the bus, which is told of it`, async ($, on) => {
    const client = new Client($, on);
    await slow(client);
    const before = client.bus.of("collect_events", path).length;
    expect(await reach(client)).toBeUndefined();
    await client.clock.settle();
    expect(client.bus.of("collect_events", path)).toHaveLength(before + 1);
  });

  test(`a message that came before a ${path} is handed over there`, async ($, on) => {
    const client = new Client($, on);
    await client.start();
    await client.prompt("hello");
    client.bus.tell(TEXT);
    await client.clock.settle();
    expect(await reach(client)).toContain(TEXT);
    expect(await client.tool()).toBeUndefined();
  });

  test(`a message of the same instant as a ${path} comes with the next tool use, once`, async ($, on) => {
    const client = new Client($, on);
    await client.start();
    await client.prompt("hello");
    client.bus.isLate = true;
    client.bus.tell(TEXT);
    expect(await reach(client)).toBeUndefined();
    await client.clock.settle();
    expect(client.bus.of("confirm_events").at(-1)).toMatchObject({ event_ids: [], unshown: ["1"] });
    expect(await client.tool()).toContain(TEXT);
    expect(await client.tool()).toBeUndefined();
  });
}

test("while the bus does not tell of events, prompts ask it", async ($, on) => {
  const client = new Client($, on);
  await client.start();
  await client.prompt("hello");
  client.bus.fails.add("watch_session");
  await client.clock.advance(20_000);
  client.bus.isLate = true;
  client.bus.tell(TEXT);
  expect(await client.prompt("go on")).toContain(TEXT);
});

test("while the session is muted, prompts ask the bus, and once it is not", async ($, on) => {
  const client = new Client($, on);
  await client.start();
  client.bus.muted = true;
  await client.clock.advance(20_000);
  await client.prompt("hello");
  client.bus.isLate = true;
  client.bus.tell(TEXT);
  expect(await client.prompt("go on")).toContain(TEXT);
});

test("after /clear, the new session's first prompt asks the bus", async ($, on) => {
  const client = new Client($, on);
  await client.start();
  await client.prompt("hello");
  client.id = "s2";
  client.bus.isLate = true;
  client.bus.tell(TEXT, "s2");
  expect(await client.prompt("go on")).toContain(TEXT);
});

test("after a tool of the bus, which may have claimed a name, its messages come at once", async ($, on) => {
  const client = new Client($, on);
  await client.start();
  await client.prompt("hello");
  client.bus.isLate = true;
  client.bus.tell(TEXT);
  expect(await client.tool("mcp__agent-event-bus__register_session")).toContain(TEXT);
});

test("a new title waits for the bus, the same one does not", async ($, on) => {
  const client = new Client($, on);
  await client.start();
  await client.prompt("hello", { session_title: "payments" });
  client.bus.more = { renamed: "orders" };
  expect(await client.prompt("go on", { session_title: "orders" })).toContain('now called "orders"');
  client.bus.silent.add("collect_events");
  expect(await client.prompt("go on", { session_title: "orders" })).toBeUndefined();
});

test("a stop does not overtake what the bus is told of its turn", async ($, on) => {
  const client = new Client($, on);
  await client.start();
  await client.prompt("hello");
  await client.tool();
  await client.stop();
  const paths = client.bus.of("collect_events").map(({ path }) => path);
  expect(paths.filter((path) => path !== "wake")).toEqual(["prompt", "tool", "stop"]);
});

test("without a person at it, the bus is not asked for news: the client's next prompt would wait for that", async ($, on) => {
  const client = new Client($, on);
  await client.start(false);
  await client.prompt("hello");
  await client.endTurn();
  await client.clock.advance(60_000);
  expect(client.bus.of("watch_session")).toEqual([]);
});
