import { expect, test } from "claude-code/testing";
import { Client, DATA, SOCKET } from "../kit/client.ts";

/** Waits between the attempts (ms). The last one repeats. */
const BACKOFF = [1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000];

test("a bus that is away is asked less and less often, then every 15 s, and silently", async ($, on) => {
  const client = new Client($, on);
  client.bus.trouble = "away";
  await client.start();
  for (const [i, wait] of BACKOFF.entries()) {
    expect(client.bus.asked).toHaveLength(i + 1);
    await client.clock.advance(wait - 1);
    expect(client.bus.asked).toHaveLength(i + 1);
    await client.clock.advance(1);
  }
  expect(client.lines).toEqual([]);
});

test("the status goes with the bus, and comes back with it", async ($, on) => {
  const client = new Client($, on);
  await client.start();
  expect(client.statuses.at(-1)).toBe("api · 3 here");
  client.bus.trouble = "away";
  await client.clock.advance(20_000);
  expect(client.statuses.at(-1)).toBeUndefined();
  client.bus.trouble = undefined;
  await client.clock.advance(1_000);
  expect(client.statuses.at(-1)).toBe("api · 3 here");
  client.bus.tell("back again");
  await client.clock.settle();
  expect(client.prompts).toHaveLength(1);
});

test("a bus that starts later is found by its socket, and is asked nothing before", async ($, on) => {
  const client = new Client($, on);
  delete client.files[SOCKET];
  await client.start();
  expect(await client.prompt("hello")).toBeUndefined();
  expect(client.bus.asked).toEqual([]);
  client.files[SOCKET] = "";
  await client.endTurn();
  await client.clock.advance(1_000);
  expect(client.bus.holds).toHaveLength(1);
});

for (const status of [401, 403])
  test(`a bus that refuses with ${status} is asked again after the next turn`, async ($, on) => {
    const client = new Client($, on);
    client.bus.trouble = status;
    await client.start();
    await client.clock.advance(600_000);
    expect(client.bus.asked).toHaveLength(1);
    expect(client.statuses.at(-1)).toBeUndefined();
    await client.beginTurn();
    client.bus.trouble = undefined;
    await client.endTurn();
    expect(client.bus.holds).toHaveLength(1);
  });

for (const status of [429, 503, 500])
  test(`a bus that answers with ${status} for a moment is asked again by itself`, async ($, on) => {
    const client = new Client($, on);
    client.bus.trouble = status;
    await client.start();
    client.bus.trouble = undefined;
    await client.clock.advance(1_000);
    expect(client.bus.holds).toHaveLength(1);
  });

test("a bus on this machine that asks for a token gets the kept one", async ($, on) => {
  const client = new Client($, on, { files: { [`${DATA}/token`]: "secret\n" } });
  client.bus.token = "secret";
  await client.start();
  expect(client.bus.asked.map(({ token }) => token)).toEqual([undefined, "secret", "secret"]);
  expect(client.bus.holds).toHaveLength(1);
});

test("a bus that stops is asked again by itself", async ($, on) => {
  const client = new Client($, on);
  await client.start();
  client.bus.stop();
  await client.clock.settle();
  await client.clock.advance(1_000);
  expect(client.bus.holds).toHaveLength(2);
});

const LIMIT = "AGENT_EVENT_BUS_HOOK_TIMEOUT";
const LIMITS: readonly [ms: number, world: object][] = [
  [1_000, {}],
  [5_000, { env: { [LIMIT]: "5000" } }],
  [250, { files: { [`${DATA}/settings.env`]: `${LIMIT}=250\n` } }],
];
for (const [ms, world] of LIMITS)
  test(`a bus that hangs keeps a prompt waiting for ${ms} ms`, async ($, on) => {
    const client = new Client($, on, world);
    client.bus.silent.add("collect_events");
    let ended = false;
    const prompt = client.prompt("hello").finally(() => {
      ended = true;
    });
    await client.clock.advance(ms - 1);
    expect(ended).toBe(false);
    await client.clock.advance(1);
    expect(ended).toBe(true);
    await prompt;
  });

test("what the bus gives too late is neither shown nor confirmed", async ($, on) => {
  const client = new Client($, on);
  client.bus.tell("hello");
  client.bus.silent.add("collect_events");
  const handed = client.tool();
  await client.clock.advance(60_000);
  expect(await handed).toBeUndefined();
  expect(client.bus.of("confirm_events")).toEqual([]);
});

test("a bus that hangs as it is told what is shown does not keep it from being shown", async ($, on) => {
  const client = new Client($, on);
  client.bus.tell("hello");
  client.bus.silent.add("confirm_events");
  const handed = client.tool();
  await client.clock.advance(1_000);
  expect(await handed).toContain("hello");
});

test("what the bus could not be told of is not shown again, but confirmed", async ($, on) => {
  const client = new Client($, on);
  await client.start();
  await client.beginTurn();
  client.bus.fails.add("confirm_events");
  client.bus.tell("the first");
  expect(await client.tool()).toContain("the first");
  client.bus.fails.clear();
  client.bus.tell("the second");
  const text = await client.tool();
  expect(text).toContain("the second");
  expect(text).not.toContain("the first");
  expect(client.bus.unread).toEqual([]);
});

test("a bus that was killed is told what was shown once it is back, and not for longer than it takes", async ($, on) => {
  const client = new Client($, on);
  await client.startWork();
  client.bus.fails.add("confirm_events");
  client.bus.tell("the first");
  expect(await client.tool()).toContain("the first");
  await client.clock.advance(2_000);
  const tries = client.bus.of("confirm_events").length;
  expect(tries).toBe(11);
  client.bus.fails.clear();
  await client.clock.advance(200);
  expect(client.bus.unread).toEqual([]);
  await client.clock.advance(60_000);
  expect(client.bus.of("confirm_events")).toHaveLength(tries + 1);
});

test("a bus that stays away is told no more after 10 s", async ($, on) => {
  const client = new Client($, on);
  await client.startWork();
  client.bus.fails.add("confirm_events");
  client.bus.tell("the first");
  await client.tool();
  await client.clock.advance(60_000);
  expect(client.bus.of("confirm_events")).toHaveLength(51);
});

test("a prompt of the mod that the bus could not be told of is submitted once", async ($, on) => {
  const client = new Client($, on);
  await client.start();
  client.bus.fails.add("confirm_events");
  client.bus.tell("wake up");
  await client.clock.settle();
  client.bus.fails.clear();
  await client.endTurn();
  await client.clock.advance(60_000);
  expect(client.prompts).toHaveLength(1);
  expect(client.bus.unread).toEqual([]);
});
