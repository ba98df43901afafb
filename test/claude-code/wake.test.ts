import { afterAll, beforeAll, expect } from "bun:test";
import { fresh } from "../support/agent.ts";
import { binary } from "../support/binary.ts";
import { removeFolders } from "../support/folder.ts";
import { eventually, percentile } from "../support/webhook.ts";
import { atTerminal, testAtTerminal } from "./converse.ts";
import { Desk, heard, lasting, PATIENCE_MS, type Place } from "./desk.ts";

const RUNS = 30;
const TIMEOUT_MS = 240_000;

let desk: Desk;
let a: Place;
let b: Place;

beforeAll(async () => {
  if (!atTerminal) return;
  desk = await Desk.open();
  [a, b] = await Promise.all([desk.sitIdle("a"), desk.sitIdle("b")]);
}, TIMEOUT_MS);

afterAll(async () => {
  await desk?.close();
  removeFolders();
});

testAtTerminal(
  "what an agent sends to an idle session starts that session's agent, and nobody presses a key",
  async () => {
    await desk.idle("b");
    const text = fresh("is the interface frozen?");
    const command = `'${binary}' publish --type question --payload '${text}' --channel session:b`;
    a.model.use("Bash", { command, description: "Ask b" });
    await a.terminal.say("ask b");
    const { news } = await heard(b, text);
    expect(news).toContain("direct message from a (");
    expect(news).toContain("NOT USER INPUT");
    await desk.idle("b");
    expect(b.model.count(text)).toBe(1);
    await desk.idle("a");
    expect(a.model.heard("direct message")).toBeUndefined();
  },
  TIMEOUT_MS,
);

testAtTerminal(
  "an agent asks an idle session and goes on with the answer of that session's agent",
  async () => {
    await desk.idle("b");
    const [question, answer] = [fresh("which port?"), fresh("port 8080")];
    a.model.use("Bash", { command: `'${binary}' ask --to b --payload '${question}'`, description: "Ask b" });
    b.model.use("Bash", ({ news }) => {
      const [, id] = /answer with reply\(event_id=(\d+)\)/.exec(news) ?? [];
      return { command: `'${binary}' reply --to ${id} --payload '${answer}'`, description: "Answer" };
    });
    await a.terminal.say("find out the port");
    const { news } = await heard(a, answer);
    expect(news).toContain('"type":"tool_result"');
    await heard(b, question);
    await Promise.all([desk.idle("a"), desk.idle("b")]);
    expect(a.model.count(answer)).toBe(1);
  },
  TIMEOUT_MS,
);

testAtTerminal(
  `each of ${RUNS} messages wakes the idle session, once`,
  async () => {
    const texts: string[] = [];
    const untilCalled: number[] = [];
    const ours: number[] = [];
    for (let run = 0; run < RUNS; run++) {
      await desk.idle("b");
      const text = fresh("please look");
      const { id, sent, answered } = await desk.tell("b", `${text}.`);
      const { at } = await heard(b, `${text}.`);
      const { state, offered_by, seen_at } = await desk.delivery(id);
      expect({ state, offered_by }).toEqual({ state: "seen", offered_by: "wake" });
      texts.push(`${text}.`);
      untilCalled.push(at - sent);
      ours.push(Math.max(0, Date.parse(seen_at) - answered));
    }
    await desk.idle("b");
    const counts = texts.map((text) => [text, b.model.count(text)] as const);
    expect(counts.filter(([, count]) => count !== 1)).toEqual([]);
    console.log(
      `idle session, ${RUNS} messages: publish to model called ${inWords(untilCalled)}; of it until the waiter wrote the text ${inWords(ours)}`,
    );
  },
  TIMEOUT_MS,
);

function inWords(ms: number[]): string {
  return `median ${percentile(ms, 0.5)} ms, p99 ${percentile(ms, 0.99)} ms`;
}

testAtTerminal(
  "a session at work is shown a message at its next tool use, once",
  async () => {
    await desk.idle("b");
    const work = fresh("work for a while");
    const text = fresh("stop, the plan changed");
    const tool = lasting();
    b.model.use("Bash", { command: tool.command, description: "Work" });
    await b.terminal.say(work);
    await heard(b, work);
    const { id } = await desk.tell("b", text);
    tool.end();
    const { news } = await heard(b, text);
    expect(news).toContain('"type":"tool_result"');
    expect(await desk.delivery(id)).toMatchObject({ state: "seen", offered_by: "tool" });
    await desk.idle("b");
    expect(b.model.count(text)).toBe(1);
  },
  TIMEOUT_MS,
);

testAtTerminal(
  "a half-written prompt stays as it is when a message starts the agent",
  async () => {
    await desk.idle("b");
    const text = fresh("a message meanwhile");
    await b.terminal.type("half a thought");
    const { id } = await desk.tell("b", text);
    await heard(b, text);
    expect(await desk.delivery(id)).toMatchObject({ offered_by: "wake" });
    await desk.idle("b");
    expect(b.terminal.screen()).toMatch(/^❯\shalf a thought\s*$/m);
    expect(b.model.heard("half a thought")).toBeUndefined();
    await b.terminal.say(" is done");
    await heard(b, "half a thought is done");
  },
  TIMEOUT_MS,
);

testAtTerminal(
  "an idle session is woken by a bus that was killed and started again",
  async () => {
    await desk.idle("b");
    await desk.restart();
    const text = fresh("the bus is back");
    await desk.tell("b", text);
    await heard(b, text);
    await desk.idle("b");
    expect(b.model.count(text)).toBe(1);
  },
  TIMEOUT_MS,
);

testAtTerminal(
  "through /clear the session keeps its name, and messages to its old ids and to the name wake it",
  async () => {
    await desk.idle("b");
    const ids: string[] = [(await desk.session("b")).client_id];
    for (let clears = 0; clears < 2; clears++) {
      ids.push(await clear(b));
      const texts = [...ids, "b"].map((to) => ({ to, text: fresh(`to ${to}`) }));
      for (const { to, text } of texts) await desk.tell(to, text);
      for (const { text } of texts) expect((await heard(b, text)).conversation).not.toContain("hello");
      await b.terminal.say(`after clear ${clears}`);
      await heard(b, `after clear ${clears}`);
      await desk.idle("b");
      for (const { text } of texts) expect(b.model.count(text)).toBe(1);
    }
    expect(new Set(ids).size).toBe(3);
  },
  TIMEOUT_MS,
);

testAtTerminal(
  "an idle session is woken after /clear and a restart of the bus, though only the hook of its former id waits",
  async () => {
    await desk.idle("b");
    await clear(b);
    await desk.restart();
    const text = fresh("the bus is back again");
    const { id } = await desk.tell("b", text);
    await heard(b, text);
    expect(await desk.delivery(id)).toMatchObject({ state: "seen", offered_by: "wake" });
  },
  TIMEOUT_MS,
);

testAtTerminal(
  "the name that an agent gave its session stays through /clear, and messages to it wake the session",
  async () => {
    await desk.idle("b");
    const call = (name: string, client_id: string) => desk.bus.call("register_session", { name, client_id });
    await call("billing", (await desk.session("b")).client_id);
    const id = await clear({ ...b, name: "billing" });
    expect(await desk.session("b")).toBeUndefined();
    const text = fresh("to the given name");
    await desk.tell("billing", text);
    await heard(b, text);
    await call("b", id);
  },
  TIMEOUT_MS,
);

/** Clears an idle client; its new id. */
async function clear({ name, terminal }: Place): Promise<string> {
  const { client_id } = await desk.session(name);
  await terminal.say("/clear");
  const cleared = async () => (await desk.session(name))?.client_id !== client_id;
  await eventually("another id of the client", cleared, PATIENCE_MS);
  const session = await desk.session(name);
  expect(session).toBeDefined();
  return session.client_id;
}

testAtTerminal(
  "a client that is left, and one that crashes, leave no session and no waiting process",
  async () => {
    await Promise.all([desk.idle("a"), desk.idle("b")]);
    await eventually("one process waits for each", () => desk.waiters().length === 2, PATIENCE_MS);
    const idOfA = (await desk.session("a")).session_id;
    b.terminal.crash();
    await a.terminal.say("/exit");
    const gone = async () =>
      (await desk.session("a")) === undefined && (await desk.session("b")) === undefined;
    await eventually("both are gone", gone, PATIENCE_MS);
    const left = await desk.bus.call("get_events", { event_types: ["session_unregistered"] });
    expect(left.events.map(({ session_id }: { session_id: string }) => session_id)).toEqual([idOfA]);
    await eventually("no process waits", () => desk.waiters().length === 0, PATIENCE_MS);
  },
  TIMEOUT_MS,
);

testAtTerminal(
  "a session that began without a bus registers at its next prompt once there is one, and is woken from then on",
  async () => {
    await desk.bus.stop();
    const late = await desk.sit("late");
    await late.terminal.say("hello");
    await heard(late, "hello");
    await late.terminal.rests();
    expect(late.terminal.screen()).not.toMatch(/hook|error|bus/i);
    await desk.restart(async () => {});
    expect(await desk.session("late")).toBeUndefined();
    await late.terminal.say("again");
    await desk.idle("late");
    const text = fresh("welcome");
    await desk.tell("late", text);
    await heard(late, text);
  },
  TIMEOUT_MS,
);
