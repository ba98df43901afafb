import { describe, expect, test } from "bun:test";
import { MOD_LEASE_MS } from "../../../src/domain/rung.ts";
import { processStart } from "../../../src/lib/process.ts";
import { fresh } from "../../support/agent.ts";
import { type BusOptions, startBus, startHere, type TestBus } from "../../support/bus.ts";
import { ended, eventsIn, startClient } from "../../support/hooks.ts";
import { eventually } from "../../support/webhook.ts";

/** Bound of a step that happens at once, for a loaded machine. */
const AT_ONCE_MS = 1_000;

/** The bus's clock, which a test moves forward. */
class Clock {
  #ahead = 0;
  readonly now = () => Date.now() + this.#ahead;
  pass(ms: number): void {
    this.#ahead += ms;
  }
}

interface Collected {
  events: { id: number; repeat?: true }[];
  left?: boolean;
}

/** A client of one session, whose mod and waiters are played by their calls. */
class Player {
  readonly bus: TestBus;
  readonly client: { client_id: string; pid?: number };

  constructor(bus: TestBus, client: Player["client"]) {
    this.bus = bus;
    this.client = client;
  }

  register(more: object = {}): Promise<{ session_id: string }> {
    const place = { name: "a", cwd: "/a", repo: "a" };
    return this.bus.call("start_session", { ...this.client, ...place, ...more });
  }

  collect(args: object): Promise<Collected> {
    return this.bus.call("collect_events", { ...this.client, ...args });
  }

  mod(wait_seconds = 20): Promise<Collected> {
    return this.collect({ path: "wake", wait_seconds, mod: true });
  }

  waiter(wait_seconds = 240): Promise<Collected> {
    return this.collect({ path: "wake", wait_seconds });
  }

  async confirm({ events }: Collected, more: object = {}): Promise<void> {
    const event_ids = events.map(({ id }) => String(id));
    await this.bus.call("confirm_events", { ...this.client, event_ids, path: "wake", ...more });
  }

  async listed(): Promise<Record<string, string>> {
    const { result } = await this.bus.call("list_sessions");
    return result.find((one: { client_id: string }) => one.client_id === this.client.client_id) ?? {};
  }

  /** Resolves when `list_sessions` shows these fields. */
  async shows(fields: Record<string, string>): Promise<void> {
    await eventually(JSON.stringify(fields), async () => {
      const session = await this.listed();
      return Object.entries(fields).every(([name, value]) => session[name] === value);
    });
  }

  held(rung: "mod" | "waiter"): Promise<void> {
    return this.shows({ rung, reach: "wakes", state: "idle" });
  }
}

async function send(bus: TestBus, to: string, more: object = {}): Promise<number> {
  const message = { event_type: "question", payload: "x", channel: `session:${to}`, ...more };
  return (await bus.call("publish_event", message)).event_id;
}

async function playing(options: { folder?: string; clock?: Clock } = {}) {
  const { clock = new Clock(), ...more } = options;
  const bus = await startHere({ ...more, now: clock.now });
  const player = new Player(bus, { client_id: fresh("client") });
  const { session_id } = await player.register();
  return { bus, clock, player, session_id };
}

/** The answer of a call that must come at once, and how long it took. */
async function soon<T>(what: string, call: Promise<T>): Promise<T> {
  const began = performance.now();
  const answer = await call;
  const ms = performance.now() - began;
  console.log(`${what}: ${ms.toFixed(0)} ms`);
  expect(ms).toBeLessThan(AT_ONCE_MS);
  return answer;
}

describe("one rung carries a session", () => {
  test("the mod alone: it is held, is given a message once, and the session is at its next tool use", async () => {
    const { bus, player, session_id } = await playing();
    expect(await player.listed()).toMatchObject({ rung: "hooks", reach: "next_tool" });
    const hold = player.mod();
    await player.held("mod");
    const id = await send(bus, session_id);
    const given = await hold;
    expect(given).toMatchObject({ events: [{ id }] });
    await player.confirm(given, { mod: true });
    expect((await player.collect({ path: "prompt", mod: true })).events).toEqual([]);
    await player.shows({ rung: "mod", state: "busy", reach: "next_tool" });
  });

  test("the waiter alone", async () => {
    const { bus, player, session_id } = await playing();
    const hold = player.waiter();
    await player.held("waiter");
    const id = await send(bus, session_id);
    const given = await hold;
    expect(given).toMatchObject({ events: [{ id }] });
    await player.confirm(given);
    await player.shows({ rung: "hooks", reach: "next_prompt" });
  });

  test("no rung but its own questions, for a session without hooks", async () => {
    const { bus, player } = await playing();
    await bus.call("register_session", { name: "b", client_id: fresh("client") });
    const { result } = await bus.call("list_sessions");
    expect(result.map(({ rung }: { rung: string }) => rung).sort()).toEqual(["hooks", "polls"]);
    const waits = bus.call("get_events", { session_id: result[0].session_id, wait_seconds: 1 });
    expect((await player.listed()).rung).toBe("hooks");
    await waits;
  });
});

describe("the mod goes before the waiter", () => {
  test("a waiter that asks beside a held mod leaves at once, and the mod stays", async () => {
    const { bus, player, session_id } = await playing();
    const hold = player.mod();
    await player.held("mod");
    expect(await soon("the waiter left", player.waiter())).toMatchObject({ events: [], left: true });
    const id = await send(bus, session_id);
    expect(await hold).toMatchObject({ events: [{ id }] });
  });

  test.each(["prompt", "stop"])(
    "so does one that asks between two holds, after the mod's %s",
    async (path) => {
      const { player } = await playing();
      await player.collect({ path, mod: true });
      expect(await soon("the waiter left", player.waiter())).toMatchObject({ events: [], left: true });
      expect((await player.listed()).rung).toBe("mod");
    },
  );

  test("what the waiter tells of the branch and the last words is kept", async () => {
    const { player } = await playing();
    await player.collect({ path: "stop", mod: true });
    await player.collect({ path: "wake", wait_seconds: 240, last_words: "Done." });
    await player.shows({ last_words: "Done." });
  });

  test("a held waiter leaves when the mod comes, and a message is given once", async () => {
    const { bus, player, session_id } = await playing();
    const waiter = player.waiter();
    await player.held("waiter");
    const hold = player.mod();
    expect(await soon("the waiter left", waiter)).toMatchObject({ events: [], left: true });
    const id = await send(bus, session_id);
    const given = await hold;
    expect(given.events).toMatchObject([{ id }]);
    await player.confirm(given, { mod: true });
    expect((await player.collect({ path: "prompt" })).events).toEqual([]);
  });

  test("a mod whose hold was dismissed asks again, and is held", async () => {
    const { player } = await playing();
    const first = player.mod();
    await player.held("mod");
    const second = player.mod();
    expect(await soon("the first hold ended", first)).toMatchObject({ events: [], left: true });
    await player.held("mod");
    await player.collect({ path: "tool", mod: true });
    expect(await second).toMatchObject({ left: true });
  });
});

describe("a session that was woken", () => {
  test("a further waiter is given nothing until its turn begins, whose prompt takes what came meanwhile", async () => {
    const { bus, player, session_id } = await playing();
    const hold = player.waiter();
    await player.held("waiter");
    const first = await send(bus, session_id);
    const given = await hold;
    expect(given.events).toMatchObject([{ id: first }]);
    await player.confirm(given);
    const second = player.waiter();
    await player.held("waiter");
    const id = await send(bus, session_id);
    const prompted = await soon("the prompt", player.collect({ path: "prompt", automatic: true }));
    expect(prompted.events).toEqual([expect.objectContaining({ id })]);
    expect(prompted.events).not.toMatchObject([{ repeat: true }]);
    await player.confirm(prompted, { path: "prompt" });
    expect(await soon("the second waiter left", second)).toMatchObject({ events: [], left: true });
  });

  test("is woken again if no turn begins", async () => {
    const { bus, player, session_id } = await playing();
    await send(bus, session_id);
    await player.confirm(await player.waiter());
    const id = await send(bus, session_id);
    expect((await player.waiter()).events).toMatchObject([{ id }]);
  });
});

test("a waiter that was there before a turn went on with messages leaves", async () => {
  const { bus, player, session_id } = await playing();
  await send(bus, session_id);
  const since = performance.now();
  const stopped = await player.collect({ path: "stop" });
  expect(stopped.events).toHaveLength(1);
  const age = () => ({
    path: "wake",
    wait_seconds: 240,
    running_ms: Math.ceil(performance.now() - since) + 1,
  });
  const waiter = player.collect(age());
  await player.held("waiter");
  await player.confirm(stopped, { path: "stop" });
  expect(await soon("the waiter left", waiter)).toMatchObject({ events: [], left: true });
  await player.shows({ state: "busy" });
  expect(await soon("a later one left", player.collect(age()))).toMatchObject({ events: [], left: true });
  expect((await player.collect({ path: "stop" })).events).toEqual([]);
  await player.shows({ state: "idle" });
  const hold = player.waiter();
  await player.held("waiter");
  await send(bus, session_id);
  expect((await hold).events).toHaveLength(1);
});

test("a stop that could not show its messages leaves them to the waiter", async () => {
  const { bus, player, session_id } = await playing();
  const id = await send(bus, session_id);
  const since = performance.now();
  expect((await player.collect({ path: "stop" })).events).toHaveLength(1);
  const age = { path: "wake", wait_seconds: 240, running_ms: Math.ceil(performance.now() - since) + 1 };
  expect((await player.collect(age)).events).toMatchObject([{ id, repeat: true }]);
});

describe("the lease of a mod ends", () => {
  /** Expects that the session's next waiter is held and woken. */
  async function expectWaiter(player: Player, session_id: string): Promise<void> {
    const hold = player.waiter();
    await player.held("waiter");
    const id = await send(player.bus, session_id);
    expect((await hold).events).toMatchObject([{ id }]);
  }

  test("when the mod is silent, and not before", async () => {
    const { clock, player, session_id } = await playing();
    await player.mod(0);
    clock.pass(MOD_LEASE_MS - 10_000);
    expect(await player.waiter()).toMatchObject({ left: true });
    clock.pass(10_001);
    expect(await player.listed()).toMatchObject({ rung: "hooks", reach: "next_prompt" });
    await expectWaiter(player, session_id);
  });

  test.each<[what: string, renew: (player: Player) => Promise<unknown>]>([
    ["collect_events", (player) => player.collect({ path: "tool", mod: true })],
    ["confirm_events", (player) => player.confirm({ events: [] }, { mod: true })],
    ["start_session", (player) => player.register({ mod: true })],
  ])("later after each %s of the mod", async (_, renew) => {
    const { clock, player } = await playing();
    await player.mod(0);
    clock.pass(MOD_LEASE_MS - 10_000);
    await renew(player);
    clock.pass(11_000);
    await player.shows({ rung: "mod" });
    clock.pass(MOD_LEASE_MS);
    expect(await player.listed()).toMatchObject({ rung: "hooks" });
  });

  test("when the mod leaves the session to a waiter, until it calls again", async () => {
    const { player, session_id } = await playing();
    await player.mod(0);
    await player.confirm({ events: [] }, { mod: false });
    await expectWaiter(player, session_id);
    await player.mod(0);
    expect(await player.waiter()).toMatchObject({ left: true });
  });

  test("when its client registers again", async () => {
    const { player, session_id } = await playing();
    const own = { pid: process.pid, pid_started: processStart(process.pid) };
    await player.register(own);
    await player.mod(0);
    await player.bus.call("register_session", { ...player.client, name: "api" });
    expect(await player.listed()).toMatchObject({ rung: "mod", name: "api" });
    await player.register(own);
    await expectWaiter(player, session_id);
  });

  test("when its client registers beside its hold, until it asks again", async () => {
    const { player } = await playing();
    const hold = player.mod();
    await player.held("mod");
    await player.register({ pid: process.pid, pid_started: processStart(process.pid) });
    const waiter = player.waiter();
    expect(await soon("the hold ended", hold)).toMatchObject({ left: true });
    await player.held("waiter");
    const again = player.mod(1);
    expect(await soon("the waiter left", waiter)).toMatchObject({ left: true });
    await player.held("mod");
    expect(await again).toMatchObject({ events: [], left: false });
  });

  test("when its process goes on with another id", async () => {
    const { bus, player, session_id } = await playing();
    const own = { pid: process.pid, pid_started: processStart(process.pid) };
    await player.register(own);
    await player.mod(0);
    const cleared = new Player(bus, { client_id: fresh("client") });
    expect(await cleared.register(own)).toMatchObject({ session_id });
    await expectWaiter(cleared, session_id);
  });

  test("when the session is unregistered", async () => {
    const { bus, player, session_id } = await playing();
    const hold = player.mod();
    await player.held("mod");
    await bus.call("unregister_session", { session_id });
    expect(await soon("the hold ended", hold)).toMatchObject({ left: true });
    expect(await player.mod()).toEqual({ unknown: true } as unknown as Collected);
    await player.bus.call("register_session", { ...player.client, name: "a" });
    expect(await player.listed()).toMatchObject({ rung: "hooks" });
  });

  test("and not by a restart of the bus", async () => {
    const { bus, clock, player, session_id } = await playing();
    const hold = player.mod();
    await player.held("mod");
    await bus.stop();
    expect(await hold).toMatchObject({ events: [], stops: true } as object);
    const again = await startHere({ folder: bus.folder, now: clock.now });
    const later = new Player(again, player.client);
    expect(await later.listed()).toMatchObject({ rung: "mod" });
    expect(await soon("the waiter left", later.waiter())).toMatchObject({ left: true });
    clock.pass(MOD_LEASE_MS);
    await expectWaiter(later, session_id);
  });
});

test("two clients of one client_id have a rung each", async () => {
  const bus = await startHere();
  const client_id = fresh("client");
  const other = Bun.spawn(["sleep", "60"]);
  const pids = [process.pid, other.pid];
  const [first, second] = pids.map((pid) => new Player(bus, { client_id, pid })) as [Player, Player];
  const ids: string[] = [];
  for (const [i, player] of [first, second].entries())
    ids.push((await player.register({ pid_started: processStart(pids[i] as number) })).session_id);
  expect(new Set(ids).size).toBe(2);
  const [hold, waiter] = [first.mod(), second.waiter()];
  const rungs = async () => {
    const { result } = await bus.call("list_sessions");
    const of = (id: string) => result.find((one: { session_id: string }) => one.session_id === id);
    return ids.map((id) => `${of(id)?.rung} ${of(id)?.reach}`);
  };
  await eventually("both are held", async () => (await rungs()).join() === "mod wakes,waiter wakes");
  const sent = [await send(bus, ids[0] ?? ""), await send(bus, ids[1] ?? "")];
  expect([await hold, await waiter].map(({ events }) => events.map(({ id }) => id))).toEqual(
    sent.map((id) => [id]),
  );
  other.kill();
});

describe("messages during changes of rung", () => {
  const MESSAGES = 200;
  const RESTARTS = [70, 140];

  test("are each seen exactly once", async () => {
    const clock = new Clock();
    let { bus, player, session_id } = await playing({ clock });
    const seen = new Map<number, string[]>();
    const calls: Promise<void>[] = [];
    const take = (by: string, collected: Promise<Collected>, more: object) => {
      const { client } = player;
      const taker = new Player(bus, client);
      const taken = async () => {
        const given = await collected;
        if (given.events.length === 0) return;
        for (const { id, repeat } of given.events)
          seen.set(id, [...(seen.get(id) ?? []), repeat ? `${by} again` : by]);
        await taker.confirm(given, more);
      };
      calls.push(taken());
    };
    const changes = {
      mod: () => take("mod", player.mod(), { mod: true, path: "wake" }),
      waiter: () => take("waiter", player.waiter(), { path: "wake" }),
      modTool: () =>
        take("mod's tool", player.collect({ path: "tool", mod: true }), { mod: true, path: "tool" }),
      tool: () => take("tool", player.collect({ path: "tool" }), { path: "tool" }),
      silence: () => clock.pass(MOD_LEASE_MS),
    };
    const names = Object.keys(changes) as (keyof typeof changes)[];
    const sent: number[] = [];
    for (let i = 0; i < MESSAGES; i++) {
      if (RESTARTS.includes(i)) {
        // A message that was given, but not confirmed, would come again.
        changes.tool();
        await Promise.all(calls);
        changes.mod();
        await player.held("mod");
        await bus.stop();
        await Promise.all(calls);
        bus = await startHere({ folder: bus.folder, now: clock.now });
        player = new Player(bus, player.client);
      }
      const publishing = send(bus, session_id);
      if (Math.random() < 0.5) await Bun.sleep(Math.random() * 10);
      changes[names[Math.floor(Math.random() * names.length)] ?? "mod"]();
      sent.push(await publishing);
      if (Math.random() < 0.5) await Bun.sleep(Math.random() * 10);
      // Without time the budgets of a session end its wakes.
      clock.pass(30_000);
    }
    for (let left = MESSAGES; left > seen.size; left--) {
      changes.tool();
      await Promise.all(calls);
    }
    await Promise.all(calls);
    const takers = Map.groupBy([...seen.values()].flat(), (by) => by);
    console.log(
      `${MESSAGES} messages, seen by: ${[...takers].map(([by, { length }]) => `${by} ${length}`).join(", ")}`,
    );
    expect(sent.filter((id) => seen.get(id)?.length !== 1).map((id) => [id, seen.get(id)])).toEqual([]);
    expect([takers.has("mod"), takers.has("waiter")]).toEqual([true, true]);
  }, 60_000);
});

describe("a real waiter", () => {
  async function started(options: BusOptions = {}) {
    const bus = await startBus("binary", options);
    const client = await startClient(bus);
    const player = new Player(bus, { client_id: client.id, pid: client.pid });
    const { session_id = "" } = await player.listed();
    return { bus, client, player, session_id };
  }
  const LEFT = { code: 0, stdout: "", stderr: "" };

  test("ends at once when a mod carries the session", async () => {
    const { bus, client, player, session_id } = await started();
    const hold = player.mod();
    await player.held("mod");
    const waiter = await client.wait();
    const began = performance.now();
    expect(await ended(waiter)).toEqual({ ...LEFT });
    console.log(`hook wait left beside a mod after ${(performance.now() - began).toFixed(0)} ms`);
    const id = await send(bus, session_id);
    expect((await hold).events).toMatchObject([{ id }]);
  });

  test("ends within a second when the mod comes", async () => {
    const { bus, client, player, session_id } = await started();
    const waiter = await client.wait();
    await player.held("waiter");
    const hold = player.mod();
    expect(await soon("hook wait left when the mod came", ended(waiter))).toEqual({ ...LEFT });
    const id = await send(bus, session_id);
    const given = await hold;
    expect(given.events).toMatchObject([{ id }]);
    await player.confirm(given, { mod: true });
    expect(await client.read("prompt")).toBe("");
  });

  test("takes over from a mod that was just heard of, and does not come back", async () => {
    const { bus, client, player, session_id } = await started();
    await player.collect({ path: "stop", mod: true });
    await player.shows({ rung: "mod" });
    const waiter = await client.wait();
    await player.held("waiter");
    const id = await send(bus, session_id);
    const { code, stderr } = await ended(waiter);
    expect({ code, events: eventsIn(stderr) }).toEqual({ code: 2, events: [{ id, repeat: false }] });
  });

  test("leaves when a mod that was just heard of comes back", async () => {
    const { client, player } = await started();
    await player.collect({ path: "stop", mod: true });
    const waiter = await client.wait();
    await player.held("waiter");
    const hold = player.mod(1);
    expect(await soon("hook wait left when the mod came back", ended(waiter))).toEqual({ ...LEFT });
    await player.held("mod");
    expect(await hold).toMatchObject({ events: [], left: false });
  });

  test("wakes the session once its mod is gone", async () => {
    const { bus, client, player, session_id } = await started();
    await player.mod(0);
    await client.read("session-start");
    const waiter = await client.wait();
    await player.held("waiter");
    const id = await send(bus, session_id);
    const { code, stderr } = await ended(waiter);
    expect(code).toBe(2);
    expect(eventsIn(stderr)).toEqual([{ id, repeat: false }]);
  });
});
