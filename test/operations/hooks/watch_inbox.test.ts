// A mod is told whether its session's next hook has something to take.
import { describe, expect, test } from "bun:test";
import { fresh } from "../../support/agent.ts";
import { startHere, type TestBus } from "../../support/bus.ts";
import { eventually } from "../../support/webhook.ts";

const bus = await startHere();

async function joined(at: TestBus = bus, more: object = {}) {
  const client_id = fresh("client");
  const place = { name: client_id, cwd: "/a", repo: client_id };
  const { session_id } = await at.call("start_session", { client_id, ...place, ...more });
  const call = (tool: string, args: object) => at.call(tool, { client_id, ...args });
  const take = async (path: string) => {
    const { events, seen_to } = await call("collect_events", { path, digests: true });
    const event_ids = events.map(({ id }: { id: number }) => String(id));
    await call("confirm_events", { event_ids, path, ...(seen_to && { cursor: String(seen_to) }) });
  };
  return {
    session_id,
    repo: client_id,
    call,
    take,
    watch: (hook: string, wait_seconds = 0, args = {}) =>
      call("watch_inbox", { hook, wait_seconds, ...args }),
    listed: async () => {
      const { result } = await at.call("list_sessions");
      return result.find((one: { session_id: string }) => one.session_id === session_id);
    },
  };
}

type Joined = Awaited<ReturnType<typeof joined>>;

async function publish(event: object): Promise<number> {
  return (await bus.call("publish_event", { event_type: "note", payload: "x", ...event })).event_id;
}

const EVENTS: [
  what: string,
  event: (to: Joined) => object,
  tool: string | undefined,
  prompt: string | undefined,
][] = [
  ["a direct message", ({ session_id }) => ({ channel: `session:${session_id}` }), "tool", "tool"],
  [
    "a call for help in its repository",
    ({ repo }) => ({ channel: `repo:${repo}`, event_type: "help_needed" }),
    "tool",
    "tool",
  ],
  ["a note to all", () => ({}), undefined, "prompt"],
  ["a note of its repository", ({ repo }) => ({ channel: `repo:${repo}` }), undefined, "prompt"],
  ["an event of another repository", () => ({ channel: "repo:another" }), undefined, undefined],
  ["a lifecycle event", () => ({ signal_level: "lifecycle" }), undefined, undefined],
  ["an event of its own", ({ session_id }) => ({ session_id }), undefined, undefined],
];

describe.each(EVENTS)("%s", (_, event, ...hooks) => {
  for (const [i, hook] of ["tool", "prompt"].entries()) {
    test(`is ${hooks[i] === undefined ? "nothing" : "something"} for a ${hook}, once it is there`, async () => {
      const one = await joined();
      await one.take("prompt");
      expect(await one.watch(hook)).toEqual({ session_id: one.session_id, stops: false });
      await publish(event(one));
      expect((await one.watch(hook)).hook).toBe(hooks[i]);
    });

    if (hooks[i] !== undefined)
      test(`is told to a call for a ${hook} that waits`, async () => {
        const one = await joined();
        await one.take("prompt");
        const told = one.watch(hook, 30);
        // Whichever of the two comes first, the answer is the same.
        await Bun.sleep(50);
        await publish(event(one));
        expect(await told).toEqual({ session_id: one.session_id, hook: hooks[i] });
      });
  }
});

test("nothing is taken: a message stays as it is, and comes to the next hook unmarked", async () => {
  const one = await joined();
  const id = await publish({ channel: `session:${one.session_id}` });
  expect(await one.watch("tool")).toMatchObject({ hook: "tool" });
  const { deliveries } = await bus.call("get_delivery", { event_id: id });
  expect(deliveries).toMatchObject([{ state: "stored" }]);
  expect((await one.call("collect_events", { path: "tool" })).events).toEqual([
    expect.not.objectContaining({ repeat: true }),
  ]);
});

test("a message that was offered and not confirmed is something to take, until it is confirmed", async () => {
  const one = await joined();
  await publish({ channel: `session:${one.session_id}` });
  await one.call("collect_events", { path: "tool" });
  expect(await one.watch("tool")).toMatchObject({ hook: "tool" });
  await one.take("tool");
  expect((await one.watch("tool")).hook).toBeUndefined();
});

test("a call that waits does not make the session one that can be woken, but renews its mod's lease", async () => {
  const one = await joined();
  const told = one.watch("tool", 1, { mod: true });
  await eventually("the mod carries it", async () => (await one.listed()).rung === "mod");
  expect(await one.listed()).toMatchObject({ rung: "mod", reach: "next_tool" });
  expect((await told).hook).toBeUndefined();
});

test("a hook that only tells takes nothing, and is a sign of work like any other", async () => {
  const one = await joined();
  await one.call("collect_events", { path: "stop" });
  await publish({ channel: `session:${one.session_id}` });
  expect(await one.call("collect_events", { path: "prompt", limit: 0 })).toEqual({
    session_id: one.session_id,
    events: [],
    more: 0,
  });
  await eventually("it is at work", async () => (await one.listed()).state === "busy");
  expect((await one.call("collect_events", { path: "tool" })).events).toHaveLength(1);
});

test("an unknown session has to be registered", async () => {
  const unknown = { client_id: fresh("unknown"), hook: "tool" };
  expect(await bus.call("watch_inbox", unknown)).toEqual({ unknown: true });
});
