import { expect, test } from "claude-code/testing";
import { FakeBus } from "../kit/bus.ts";
import { Client, DATA, FOLDER } from "../kit/client.ts";

const HEAD = `${FOLDER}/.git/HEAD`;
const KNOWN = { client_id: "s1", cwd: FOLDER, repo: "shop", mod: true };

const BRANCHES: readonly [name: string, files: Record<string, string>, told: object][] = [
  ["no repository", {}, { ...KNOWN, name: "shop" }],
  ["the main branch", { [HEAD]: "ref: refs/heads/main\n" }, { ...KNOWN, name: "shop", branch: "main" }],
  ["a branch", { [HEAD]: "ref: refs/heads/fix/tax\n" }, { ...KNOWN, name: "fix/tax", branch: "fix/tax" }],
  ["no branch", { [HEAD]: "0123456789abcdef\n" }, { ...KNOWN, name: "shop" }],
  [
    "a linked work tree",
    {
      [`${FOLDER}/.git`]: "gitdir: /main/.git/worktrees/w\n",
      "/main/.git/worktrees/w/HEAD": "ref: refs/heads/w\n",
    },
    { ...KNOWN, name: "w", branch: "w" },
  ],
];
for (const [name, files, told] of BRANCHES)
  test(`an unknown session is registered once: ${name}`, async ($, on) => {
    const client = new Client($, on, { files });
    client.bus.forget("s1");
    await client.start();
    expect(client.bus.of("start_session")).toEqual([told]);
    await client.clock.advance(60_000);
    expect(client.bus.of("start_session")).toHaveLength(1);
  });

const ROOTS: readonly [root: string | null, repo: string][] = [
  ["/srv/mono", "mono"],
  ["/srv/mono.git", "mono"],
  ["/srv/mono/.bare", "mono"],
  ["C:\\srv\\mono", "mono"],
  [null, "shop"],
];
for (const [root, repo] of ROOTS)
  test(`a session in the main working tree ${root} is in the repository ${repo}`, async ($, on) => {
    const client = new Client($, on, { root });
    client.bus.forget("s1");
    await client.start();
    expect(client.bus.of("start_session")).toEqual([{ ...KNOWN, name: "shop", repo }]);
  });

test("an unknown session is registered at its prompt, with its title, and gets its message", async ($, on) => {
  const client = new Client($, on);
  client.bus.forget("s1");
  client.bus.tell("hello");
  expect(await client.prompt("hi", { session_title: "payments" })).toContain("hello");
  expect(client.bus.of("start_session")).toEqual([{ ...KNOWN, name: "shop", title: "payments" }]);
});

test("the session waits while it is idle, and never during a turn", async ($, on) => {
  const client = new Client($, on);
  await client.start();
  await client.prompt("hello");
  await client.clock.advance(60_000);
  expect(client.bus.holds).toHaveLength(1);
  await client.endTurn();
  expect(client.bus.holds).toHaveLength(2);
});

test("a turn that begins before the session waits keeps it from waiting", async ($, on) => {
  const client = new Client($, on, { env: { AGENT_EVENT_BUS_HOOK_TIMEOUT: "60000" } });
  client.bus.silent.add("summarize");
  await client.start();
  await client.beginTurn();
  await client.clock.advance(60_000);
  expect(client.bus.holds).toEqual([]);
});

test("an interrupted turn leaves the session to its waiter, until the user's next prompt", async ($, on) => {
  const client = new Client($, on);
  await client.start();
  await client.prompt("hello");
  await client.clock.advance(60_000);
  await client.endTurn({ isAborted: true, reason: "aborted", answer: "" });
  await client.clock.advance(60_000);
  expect(client.bus.holds).toHaveLength(1);
  expect(client.bus.of("confirm_events").at(-1)).toMatchObject({ event_ids: [], mod: false });
  expect(Object.keys(client.files)).toContain(`${DATA}/interrupted-s1`);
  await client.prompt("a message of the waiter", { source: "system" });
  await client.endTurn();
  expect(client.bus.holds).toHaveLength(1);
  await client.prompt("go on");
  await client.endTurn();
  client.bus.tell("wake up");
  await client.clock.settle();
  expect(client.prompts).toHaveLength(1);
  expect(client.bus.of("collect_events").at(-1)).toMatchObject({ mod: true });
});

for (const reason of ["clear", "prompt_input_exit"])
  test(`nothing is left of an interrupted turn when the session ends: ${reason}`, async ($, on) => {
    const client = new Client($, on);
    const files = Object.keys(client.files);
    await client.start();
    await client.prompt("hello");
    await client.endTurn({ isAborted: true, reason: "aborted", answer: "" });
    expect(Object.keys(client.files)).toHaveLength(files.length + 1);
    await client.end(reason);
    expect(Object.keys(client.files)).toEqual(files);
  });

test("a subagent's turn neither ends the waiting nor begins it", async ($, on) => {
  const client = new Client($, on);
  await client.start();
  await client.beginTurn({ agentId: "sub" });
  await client.clock.advance(20_000);
  expect(client.bus.holds).toHaveLength(2);
  await client.prompt("hello");
  await client.clock.advance(60_000);
  await client.endTurn({ agentId: "sub" });
  await client.clock.advance(60_000);
  expect(client.bus.holds).toHaveLength(2);
});

test("a waiter that is sent away while the session stays idle waits anew, as one that is just idle", async ($, on) => {
  const client = new Client($, on);
  await client.start();
  for (const until = Date.now() + 30; Date.now() < until; );
  const sentAway = Date.now();
  client.bus.dismiss();
  await client.clock.settle();
  expect(client.bus.holds).toHaveLength(1);
  await client.clock.advance(1_000);
  expect(client.bus.holds).toHaveLength(2);
  expect(client.bus.holds[1]?.running_ms).toBeLessThan(Date.now() - sentAway + 1);
});

test("after /clear the idle session waits on under its new id", async ($, on) => {
  const client = new Client($, on);
  await client.start();
  await client.end("clear");
  client.id = "s2";
  await client.clock.advance(20_000);
  await client.clock.advance(20_000);
  expect(client.bus.holds.map(({ client_id }) => client_id)).toEqual(["s1", "s2", "s2"]);
  expect(client.bus.of("unregister_session")).toEqual([]);
  client.bus.tell("after the clear", "s2");
  await client.clock.settle();
  expect(client.prompts).toHaveLength(1);
  expect(client.bus.of("confirm_events")[0]).toMatchObject({ client_id: "s2" });
});

for (const reason of ["prompt_input_exit", "logout", "other"])
  test(`a session that ends is unregistered, and not waited for: ${reason}`, async ($, on) => {
    const client = new Client($, on);
    await client.start();
    await client.end(reason);
    expect(client.bus.of("unregister_session")).toEqual([{ session_id: "bus-s1" }]);
    await client.clock.advance(60_000);
    expect(client.bus.holds).toHaveLength(1);
    expect(client.bus.of("start_session")).toEqual([]);
  });

for (const reason of ["clear", "resume"])
  test(`a session that goes on is not unregistered: ${reason}`, async ($, on) => {
    const client = new Client($, on);
    await client.start();
    await client.end(reason);
    expect(client.bus.of("unregister_session")).toEqual([]);
  });

const bus = new FakeBus();
for (const [id, other] of [
  ["s1", "s2"],
  ["s2", "s1"],
] as const)
  test(`two clients at one bus: ${id} takes what is for it, and nothing else`, async ($, on) => {
    const client = new Client($, on, { bus, id });
    bus.tell(`for ${other}`, other);
    bus.tell(`for ${id}`, id);
    await client.start();
    expect(client.prompts).toHaveLength(1);
    expect(client.prompts[0]).toContain(`for ${id}`);
    expect(client.prompts[0]).not.toContain(`for ${other}`);
  });
