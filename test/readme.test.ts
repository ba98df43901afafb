// Follows README.md, docs/commands.md and docs/backup.md: every block of commands is typed as it stands there.
import { expect, setDefaultTimeout, test } from "bun:test";
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { binary } from "./support/binary.ts";
import { root } from "./support/bus.ts";
import { bash, cliOnTerminal, startBusWithDesktop } from "./support/cli.ts";
import { tempFolder } from "./support/folder.ts";
import { DATA } from "./support/home.ts";
import { type Machine, newMachine } from "./support/machine.ts";
import { newcomer } from "./support/newcomer.ts";
import { type Block, shellBlocks } from "./support/page.ts";
import { freePort } from "./support/port.ts";
import { receiver } from "./support/receiver.ts";
import { eventually } from "./support/webhook.ts";

setDefaultTimeout(120_000);

/** Blocks of the README that other tests type. */
const ELSEWHERE = {
  "./install.sh": "test/claude-code/newcomer.test.ts",
  "agent-event-bus doctor": "test/claude-code/newcomer.test.ts",
  "mkdir -p ~/web && cd ~/web && claude": "test/claude-code/newcomer.test.ts",
  "mkdir -p ~/api && cd ~/api && claude": "test/claude-code/newcomer.test.ts",
};

const SETTINGS = `${DATA}/settings.env`;
const readme = shellBlocks("README.md");
const typed = new Set<Block>();

/** The block that begins so, as a script that stops at the first failure. */
function blockOf(blocks: readonly Block[], begins: string): string {
  const block = blocks.find(({ commands }) => commands[0]?.startsWith(begins));
  if (block === undefined) throw new Error(`no block begins with ${begins}`);
  typed.add(block);
  return `set -e\n${block.commands.join("\n")}`;
}

/** A machine on which the executable of a release was installed by the README's own lines. */
async function installed(): Promise<Machine> {
  const machine = newMachine();
  copyFileSync(binary, join(machine.home, "agent-event-bus-linux-x64"));
  machine.write(SETTINGS, `PORT=${await freePort()}\n`);
  const { stdout, stderr, code } = await machine.sh(blockOf(readme, "chmod +x agent-event-bus-linux-x64"));
  expect([code, stderr, stdout]).toEqual([0, "", expect.stringMatching(/^done +service/m)]);
  return machine;
}

const home = tempFolder();
const bus = await startBusWithDesktop();
const webhook = receiver();
await bus.call("register_session", { name: "web", client_id: "web" });

const run = (script: string) => bash(script, { home, bus });

test("you answer what waits for you", async () => {
  for (const payload of ["first", "second", "Which colour?"])
    await bus.call("publish_event", { event_type: "help_needed", payload, session_id: "web" });
  blockOf(readme, "agent-event-bus needs");
  const lines =
    readme.find(({ commands }) => commands[0]?.startsWith("agent-event-bus needs"))?.commands ?? [];
  const words = lines.map((line) => (line.split("#")[0] ?? "").trim().split(/\s+/).slice(1));
  expect(words[1]).toEqual(["answer", "3", "Blue"]);
  const shown: string[] = [];
  for (const line of words) shown.push(Bun.stripANSI(await cliOnTerminal(line, { bus })));
  expect(shown[0]).toContain("#3 web needs help");
  expect(shown[1]).toContain("Answered #3 of web: Blue");
});

test("you take part from a shell", async () => {
  const { stdout, stderr, code } = await run(blockOf(readme, "agent-event-bus sessions"));
  expect([code, stderr]).toEqual([0, ""]);
  expect(stdout).toContain("Renew them earlier");
});

test("you open the page", async () => {
  blockOf(readme, "agent-event-bus open");
  expect(await cliOnTerminal(["open"], { bus })).toMatch(/http:\/\/127\.0\.0\.1:\d+\/#code=[\w-]{22}/);
});

test("a script joins, publishes, reads and leaves", async () => {
  // In the folder of the project whose channel they use.
  const lines = blockOf(shellBlocks("docs/commands.md"), "SESSION_ID=");
  const { stderr, code } = await run(`mkdir my-project\ncd my-project\n${lines}`);
  expect([code, stderr]).toEqual([0, ""]);
  const { events } = await bus.call("get_events", { limit: 2 });
  expect(events.map((event: { event_type: string }) => event.event_type)).toEqual([
    "session_unregistered",
    "done",
  ]);
});

test("a webhook is added, tried, paused and given a new secret", async () => {
  for (let i = 0; i < 42; i++)
    await bus.call("publish_event", { event_type: "t", payload: `${i}`, channel: "repo:x" });
  const block = blockOf(shellBlocks("docs/commands.md"), "agent-event-bus webhook add");
  const { stderr, code } = await run(block.replace("https://your-server.com/events", webhook.url("/events")));
  expect([code, stderr]).toEqual([0, ""]);
  expect(webhook.at("/events")[0]?.json.event_type).toBe("webhook_test");
});

test("an executable installs itself, is looked after, and goes", async () => {
  const machine = await installed();
  const { stdout, stderr, code } = await machine.sh(blockOf(readme, "agent-event-bus status"));
  expect([code, stderr]).toEqual([0, ""]);
  expect(stdout).toMatch(/^done +binary/m);
  expect((await machine.sh("command -v agent-event-bus")).code).not.toBe(0);
});

test("a bus runs in the background without a service", async () => {
  const here = newcomer();
  here.put(SETTINGS, `PORT=${await freePort()}\n`);
  const { stderr, code } = await bash(blockOf(readme, "agent-event-bus start"), { home: here.home });
  expect([code, stderr]).toEqual([0, ""]);
});

test("everything is backed up, and comes back", async () => {
  const here = newcomer();
  here.put(SETTINGS, `PORT=${await freePort()}\n`);
  const pages = shellBlocks("docs/backup.md");
  const script = [
    "agent-event-bus start",
    'agent-event-bus publish "before"',
    blockOf(pages, "agent-event-bus backup"),
    'agent-event-bus publish "after"',
    blockOf(pages, "agent-event-bus stop"),
    "agent-event-bus events --json",
    "agent-event-bus stop",
  ];
  const { stdout, stderr, code } = await bash(["set -e", ...script].join("\n"), { home: here.home });
  expect([code, stderr]).toEqual([0, ""]);
  const [events = "{}"] = /^\{"events".*$/m.exec(stdout) ?? [];
  expect(JSON.parse(events).events.map(({ payload }: { payload: string }) => payload)).toEqual(["before"]);
});

test("npm start runs a bus in a clone, and npm test is this", async () => {
  const commands = blockOf(readme, "npm start").split("\n").slice(1);
  expect(commands.map((line) => line.split(/ +#/)[0])).toEqual(["npm start", "npm test"]);
  const own = tempFolder();
  const PORT = String(await freePort());
  const child = Bun.spawn(["sh", "-c", `exec ${commands[0]}`], {
    cwd: root,
    env: { HOME: own, PATH: process.env.PATH ?? "", PORT },
    stdio: ["ignore", "ignore", "ignore"],
  });
  const answers = () =>
    fetch(`http://127.0.0.1:${PORT}/health`)
      .then(({ ok }) => ok)
      .catch(() => false);
  await eventually("it answers", answers, 60_000);
  child.kill("SIGTERM");
  await child.exited;
  await eventually("it has ended", async () => !(await answers()));
});

test("no block of the README is left out", () => {
  const left = readme.filter((block) => !typed.has(block)).map(({ commands }) => commands.join("\n"));
  expect(left).toEqual(Object.keys(ELSEWHERE));
});
