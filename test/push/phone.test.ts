// The phone of a user, with a stand-in for the ntfy server that follows its published JSON: neither Debian nor npm has one.
import { afterEach, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fresh, publish } from "../support/agent.ts";
import { type ProcessBus, startBus } from "../support/bus.ts";
import { questionInput, sessionAt } from "../support/dialogs.ts";
import { type NtfyServer, ntfyServer, type Pushed } from "../support/ntfy.ts";
import { eventually } from "../support/webhook.ts";

const PASSWORD = "hidden-password";
const PUBLIC = "https://my-server.ts.net/bus";
const AUTH = `Basic ${Buffer.from(`ada:${PASSWORD}`).toString("base64")}`;

const running: { stop(): unknown }[] = [];
afterEach(async () => {
  for (const one of running.splice(0)) await one.stop();
});

function startNtfy(): NtfyServer {
  const ntfy = ntfyServer({ mine: [AUTH] });
  running.push(ntfy);
  return ntfy;
}

async function startWith(ntfy: NtfyServer, env: Record<string, string> = {}, more = {}): Promise<ProcessBus> {
  const topics = [ntfy.topic("mine", `ada:${PASSWORD}`), ntfy.topic("hidden-topic")].join(",");
  return startBus("binary", {
    env: { AGENT_EVENT_BUS_PUSH: topics, AGENT_EVENT_BUS_PUBLIC_URL: PUBLIC, ...env },
    ...more,
  });
}

const on = (topic: string, title: string) => (push: Pushed) => push.topic === topic && push.title === title;
const labels = ({ actions }: Pushed) => actions.map(({ label }) => label);

test("a permission that stands is pushed with its tool and folder, and with buttons where a topic has a password", async () => {
  const ntfy = startNtfy();
  const bus = await startWith(ntfy);
  const { name, stand } = await sessionAt(bus);
  await stand();
  const mine = await ntfy.until(on("mine", `${name} asks to use Bash`));
  expect(mine).toMatchObject({ priority: 4, message: "A permission for Bash in /home/me/shop (main)" });
  expect(labels(mine)).toEqual(["Allow once", "Deny"]);
  for (const { url } of mine.actions) expect(url).toStartWith(`${PUBLIC}/answer/`);
  const open = await ntfy.until(on("hidden-topic", `${name} asks to use Bash`));
  expect(open.actions).toEqual([]);
  expect(JSON.stringify(ntfy.got)).not.toContain("hidden-input");
  expect(ntfy.refused).toEqual([]);
  await bus.stop();
});

test("with PUSH_DETAIL a permission shows what the tool is to do", async () => {
  const ntfy = startNtfy();
  const bus = await startWith(ntfy, { AGENT_EVENT_BUS_PUSH_DETAIL: "1" });
  const { name, stand } = await sessionAt(bus);
  await stand({ input: JSON.stringify({ command: "rm -rf x\u001b[2J", timeout: 5 }) });
  const { message } = await ntfy.until(on("mine", `${name} asks to use Bash`));
  expect(message).toBe("A permission for Bash in /home/me/shop (main)\ncommand: rm -rf x␛[2J\ntimeout: 5");
  await bus.stop();
});

test("a question is pushed with three of its options as buttons, and a button answers it", async () => {
  const ntfy = startNtfy();
  const bus = await startWith(ntfy);
  const { name, ask } = await sessionAt(bus);
  const { told } = await ask();
  const asked = await ntfy.until(on("hidden-topic", `${name} asks you`));
  expect(asked.message.split("\n")).toEqual([
    "Which colour?",
    "1  Red: Red it is",
    "2  Green: Green it is",
    "3  Blue: Blue it is",
    "4  None of them: None of them it is",
  ]);
  expect(labels(asked)).toEqual(["Red", "Green", "Blue"]);
  const [, , blue] = asked.actions;
  const tap = () => fetch(String(blue?.url).replace(PUBLIC, bus.url.replace("/mcp", "")), { method: "POST" });
  const first = await tap();
  expect([first.status, await first.text()]).toEqual([200, "Answered: Blue\n"]);
  expect(await told).toMatchObject({ answer: { answers: { "Which colour?": "Blue" } }, via: "phone" });
  const again = await tap();
  expect([again.status, await again.text()]).toEqual([410, "This is closed already: answered with Blue.\n"]);
  for (const topic of ["mine", "hidden-topic"]) {
    const isEnd = ({ priority, ...push }: Pushed) => push.topic === topic && priority === 1;
    expect(await ntfy.until(isEnd)).toMatchObject({
      ...{ title: `${name} asks you`, message: "Answered on a phone: Blue", actions: [] },
      sequence_id: asked.sequence_id,
    });
  }
  await bus.stop();
});

test("a dialog that was answered in its terminal is told as that, and one that stood too short is never told", async () => {
  const ntfy = startNtfy();
  const bus = await startWith(ntfy);
  const { name, stand, report } = await sessionAt(bus);
  const [short, long] = [fresh("key"), fresh("key")];
  await stand({ open_ms: 0, tool: "Short" }, short);
  await stand({ tool: "Long" }, long);
  await ntfy.until(on("mine", `${name} asks to use Long`));
  await report(short, { gone: true, tool: "Short" });
  await report(long, { gone: true, tool: "Long" });
  const end = await ntfy.until(({ priority }) => priority === 1);
  expect(end).toMatchObject({ title: `${name} asks to use Long`, message: "Answered in its terminal" });
  expect(JSON.stringify(ntfy.got)).not.toContain("Short");
  await bus.stop();
});

test("without PUBLIC_URL nothing has buttons", async () => {
  const ntfy = startNtfy();
  const bus = await startWith(ntfy, { AGENT_EVENT_BUS_PUBLIC_URL: "" });
  const { name, ask } = await sessionAt(bus);
  await ask();
  expect((await ntfy.until(on("mine", `${name} asks you`))).actions).toEqual([]);
  await bus.stop();
});

test("a question with several answers has no buttons, and options that differ by case only have one", async () => {
  const ntfy = startNtfy();
  const bus = await startWith(ntfy);
  const { name, stand, ask } = await sessionAt(bus);
  const { questions } = JSON.parse(questionInput(["A", "B"]));
  const several = JSON.stringify({
    questions: [{ ...questions[0], question: "Several?", multiSelect: true }],
  });
  await stand({ kind: "question", text: "Several?", tool: "AskUserQuestion", input: several });
  await ask(["yes", "YES", "\u202eno"]);
  const isOf = (start: string) => (push: Pushed) => push.topic === "mine" && push.message.startsWith(start);
  expect((await ntfy.until(isOf("Several?"))).actions).toEqual([]);
  expect(labels(await ntfy.until(isOf("Which colour?")))).toEqual(["yes", "\\u202eno"]);
  expect(on("mine", `${name} asks you`)(ntfy.got[0] as Pushed)).toBe(true);
  await bus.stop();
});

test("mail and calls for help are pushed at once, each once, and their end is told", async () => {
  const ntfy = startNtfy();
  const bus = await startWith(ntfy);
  const { client_id, name } = await sessionAt(bus);
  const { result } = await bus.call("list_sessions");
  const { session_id } = result.find((one: { client_id: string }) => one.client_id === client_id);
  const human = { session_id, channel: "session:human" };
  await publish(bus, "the build is done\u0007", { ...human, title: "Done" });
  await publish(bus, "no disk left", { session_id, event_type: "help_needed" });
  const asked = await publish(bus, "Ship it?", {
    ...human,
    ...{ event_type: "question", correlation_id: fresh("q") },
  });
  const mail = await ntfy.until(on("mine", `${name} → you`));
  expect(mail).toMatchObject({ message: "Done\nthe build is done␇", priority: 3 });
  expect(await ntfy.until(on("mine", `${name} needs help`))).toMatchObject({ message: "no disk left" });
  const isQuestion = ({ topic, sequence_id }: Pushed) =>
    topic === "mine" && sequence_id.endsWith(`-event-${asked}`);
  expect(await ntfy.until(isQuestion)).toMatchObject({ message: "Ship it?" });
  await bus.call("reply", { event_id: asked, payload: "yes", session_id });
  await ntfy.until((push) => isQuestion(push) && push.priority === 1);
  // Time for what must not be pushed twice.
  await Bun.sleep(1_500);
  const byName = Map.groupBy(ntfy.got, ({ topic, sequence_id }) => `${topic} ${sequence_id}`);
  expect([...byName.values()].map((pushes) => pushes.length).sort()).toEqual([1, 1, 1, 1, 2, 2]);
  await bus.stop();
});

test("a sender that calls for help again and again is pushed a few times", async () => {
  const ntfy = startNtfy();
  const bus = await startWith(ntfy);
  for (let i = 0; i < 40; i++) await publish(bus, `help ${i}`, { event_type: "help_needed" });
  await ntfy.until(({ topic, message }) => topic === "mine" && message === "help 4");
  await Bun.sleep(500);
  expect(ntfy.got.filter(({ topic }) => topic === "mine")).toHaveLength(5);
  await bus.stop();
});

test("a dead or silent ntfy server holds nothing up, and no log shows a secret", async () => {
  const ntfy = startNtfy();
  ntfy.before = () => new Promise(() => {});
  const bus = await startWith(ntfy);
  const { ask, stand } = await sessionAt(bus);
  const { need } = await ask();
  await stand();
  for (let i = 0; i < 200; i++) await publish(bus, `mail ${i}`, { channel: "session:human" });
  const { status } = await fetch(`${bus.url.replace("/mcp", "")}/answer/${need.need_id}.1.9.x`, {
    method: "POST",
  });
  expect(status).toBe(404);
  const log = () => readFileSync(join(bus.folder, "bus.log"), "utf8");
  await eventually("it is logged", () => log().includes("no answer within 10000 ms"), 30_000);
  expect(await bus.stop()).toBe(0);
  const written = log() + readFileSync(join(bus.folder, "bus.err"), { encoding: "utf8", flag: "a+" });
  const lines = log()
    .split("\n")
    .filter((line) => line.includes("a notification for the phone"));
  expect(lines.length).toBeGreaterThan(0);
  expect(lines.length).toBeLessThanOrEqual(4);
  for (const secret of [PASSWORD, "hidden-topic", AUTH.slice(6), need.secret, "/answer/"])
    expect(written).not.toContain(secret);
}, 60_000);

test("after a restart of the bus its buttons still answer", async () => {
  const ntfy = startNtfy();
  const first = await startWith(ntfy);
  const { name, ask } = await sessionAt(first);
  await ask();
  const pushed = await ntfy.until(on("mine", `${name} asks you`));
  await first.kill();
  const bus = await startWith(ntfy, {}, { folder: first.folder, port: first.port });
  const [red] = pushed.actions;
  const answer = await fetch(String(red?.url).replace(PUBLIC, bus.url.replace("/mcp", "")), {
    method: "POST",
  });
  expect([answer.status, await answer.text()]).toEqual([200, "Answered: Red\n"]);
  await bus.stop();
}, 30_000);
