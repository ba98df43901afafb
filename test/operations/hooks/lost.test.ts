// A client that is killed takes along what it was shown and its model has not read.
import { afterAll, expect, test } from "bun:test";
import { processStart } from "../../../src/lib/process.ts";
import { fresh } from "../../support/agent.ts";
import { startHere, type TestBus } from "../../support/bus.ts";

/** Time between two steps. Two in one millisecond would be one moment to the bus. */
const STEP_MS = 10;

/** A conversation that one client after the other continues, each played by its hooks' calls. */
class Conversation {
  readonly #bus: TestBus;
  readonly #id = fresh("conversation");
  readonly #pass: (ms: number) => void;
  #client = client();
  #where: { machine?: string; machine_id?: string } = {};
  session_id = "";

  constructor(bus: TestBus, pass: (ms: number) => void) {
    this.#bus = bus;
    this.#pass = pass;
  }

  /** Its client's SessionStart hook. */
  async start(): Promise<object> {
    const own = { pid_started: processStart(this.#client.pid), name: "a", cwd: "/a", repo: "a" };
    const started = await this.#call("start_session", own);
    this.session_id = started.session_id;
    return started;
  }

  /** That hook has found these events in the conversation. */
  async found(ids: readonly number[]): Promise<void> {
    await this.#call("confirm_events", { event_ids: ids.map(String), lost: [] });
  }

  /** Its hook shows what is unread. Returns the events by id, with a star on what may be a repeat. */
  async shown(path: string, more: object = {}): Promise<string[]> {
    const collected = await this.#call("collect_events", { path, ...more });
    const events: { id: number; repeat?: true }[] = collected.events;
    const event_ids = events.map(({ id }) => String(id));
    if (events.length > 0) await this.#call("confirm_events", { event_ids, path, cursor: collected.seen_to });
    return events.map(({ id, repeat }) => `${id}${repeat ? "*" : ""}`);
  }

  async sent(): Promise<number> {
    const message = { event_type: "question", payload: "x", channel: `session:${this.session_id}` };
    return (await this.#bus.call("publish_event", message)).event_id;
  }

  /** Kills the client. The conversation goes on in another one, perhaps on another machine. */
  async goesOn(where = this.#where): Promise<object> {
    this.#client.kill("SIGKILL");
    await this.#client.exited;
    this.#client = client();
    this.#where = where;
    return this.start();
  }

  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  async #call(tool: string, args: object): Promise<any> {
    this.#pass(STEP_MS);
    const identity = { client_id: this.#id, pid: this.#client.pid, ...this.#where };
    return this.#bus.call(tool, { ...identity, ...args });
  }
}

const clients: Bun.Subprocess[] = [];

function client() {
  const started = Bun.spawn(["sleep", "600"], { stdio: ["ignore", "ignore", "ignore"] });
  clients.push(started);
  return started;
}

afterAll(() => {
  for (const one of clients) one.kill("SIGKILL");
});

async function talking() {
  let ahead = 0;
  const bus = await startHere({ now: () => Date.now() + ahead });
  const conversation = new Conversation(bus, (ms) => {
    ahead += ms;
  });
  await conversation.start();
  return { bus, conversation };
}

type Step = (conversation: Conversation, bus: TestBus) => Promise<unknown>;

const IDLE: Step = (one) => one.shown("wake", { wait_seconds: 0, running_ms: 0 });
const WOKEN_TURN: Step = (one) => one.shown("prompt", { automatic: true });

test.each<[shown: string, after: string, steps: Step[], again: boolean]>([
  ["prompt", "nothing", [], true],
  ["tool", "nothing", [], true],
  ["stop", "nothing", [], true],
  ["wake", "nothing", [], true],
  ["wake", "the prompt of that turn", [WOKEN_TURN], true],
  ["prompt", "a tool use", [(one) => one.shown("tool")], false],
  ["wake", "its turn's first tool use", [WOKEN_TURN, (one) => one.shown("tool")], false],
  ["prompt", "the end of the turn", [(one) => one.shown("stop")], false],
  ["prompt", "it waits again", [IDLE], false],
  ["tool", "the user's next prompt", [(one) => one.shown("prompt")], false],
  [
    "wake",
    "a waiter asks that has waited since before",
    [(one) => one.shown("wake", { wait_seconds: 0, running_ms: 1_000 })],
    true,
  ],
])("killed when a hook (%s) had shown a message, and after that %s", async (path, _, steps, again) => {
  const { bus, conversation } = await talking();
  await IDLE(conversation, bus);
  const old = await conversation.sent();
  expect(await conversation.shown("prompt")).toEqual([`${old}`]);
  await IDLE(conversation, bus);
  const id = await conversation.sent();
  const wait = path === "wake" ? { wait_seconds: 0 } : {};
  expect(await conversation.shown(path, wait)).toEqual([`${id}`]);
  for (const step of steps) await step(conversation, bus);
  await conversation.goesOn();
  expect(await conversation.shown("wake", { wait_seconds: 0 })).toEqual(again ? [`${id}*`] : []);
  expect(await conversation.shown("prompt")).toEqual([]);
});

test("a message that was answered does not come again", async () => {
  const { bus, conversation } = await talking();
  await conversation.sent();
  await conversation.shown("prompt");
  await bus.call("ack_events", {
    session_id: conversation.session_id,
    cursor: String(await conversation.sent()),
  });
  await conversation.goesOn();
  expect(await conversation.shown("prompt")).toEqual([]);
});

test("the same client that registers again, as after /clear, has read it", async () => {
  const { conversation } = await talking();
  await conversation.sent();
  await conversation.shown("prompt");
  await conversation.start();
  expect(await conversation.shown("prompt")).toEqual([]);
  await conversation.goesOn();
  expect(await conversation.shown("prompt")).toEqual([]);
});

test("it comes again on another machine, where the conversation goes on", async () => {
  const { conversation } = await talking();
  const id = await conversation.sent();
  await conversation.shown("prompt");
  await conversation.goesOn({ machine: "elsewhere", machine_id: fresh("id") });
  expect(await conversation.shown("prompt")).toEqual([`${id}*`]);
});

test("a waiter beside the hook that looks into the conversation is given nothing before it has looked", async () => {
  const { bus, conversation } = await talking();
  const id = await conversation.sent();
  await conversation.shown("prompt");
  expect(await conversation.goesOn()).toMatchObject({ repeats: [id] });
  const waiter = conversation.shown("wake", { wait_seconds: 60, running_ms: 0 });
  await Bun.sleep(300);
  await conversation.found([id]);
  const next = await conversation.sent();
  expect(await waiter).toEqual([`${next}`]);
  await bus.stop();
});

test("without what it may have read, a waiter is given what comes at once", async () => {
  const { conversation } = await talking();
  await conversation.goesOn();
  const waiter = conversation.shown("wake", { wait_seconds: 60, running_ms: 0 });
  const began = performance.now();
  const id = await conversation.sent();
  expect(await waiter).toEqual([`${id}`]);
  // A turn that nobody ended lasts for 5 s.
  expect(performance.now() - began).toBeLessThan(4_000);
});
