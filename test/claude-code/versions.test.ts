// Real clients, old and new: after `install` each answers a prompt, and those that can are woken.
import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { isNewer } from "../../src/lib/version.ts";
import { fresh } from "../support/agent.ts";
import { startBus, type TestBus } from "../support/bus.ts";
import { removeFolders, tempFolder } from "../support/folder.ts";
import { newcomer } from "../support/newcomer.ts";
import { eventually } from "../support/webhook.ts";
import { Claude, findClaude, makePatient, newestVersion } from "./client.ts";
import { startTalker, type Talker } from "./talker.ts";
import { hasTmux, Terminal, Tmux } from "./terminal.ts";

const VERSIONS = ["2.1.14", "2.1.41", "2.1.63", "2.1.72", "2.1.330"];
const WAKES_FROM = "2.1.69";
const PATIENCE_MS = 60_000;
const TIMEOUT_MS = 240_000;

const tmux = new Tmux(tempFolder(true));
const latest = newestVersion();

afterAll(() => {
  tmux.end();
  removeFolders();
});

/** A newcomer with this client, whose bus was installed by our own command. */
async function installed(file: string, model: Talker, bus: TestBus) {
  const { home, run } = newcomer();
  const bin = join(home, "bin");
  mkdirSync(bin, { recursive: true });
  symlinkSync(file, join(bin, "claude"));
  const client = new Claude(file, home, model.url);
  const env = { ...client.env, PATH: `${bin}:${client.env.PATH}` };
  const done = await run(["install", "client", "--url", bus.url], { env });
  expect([done.code, done.stderr]).toEqual([0, ""]);
  makePatient(home);
  return { client, told: done.stdout };
}

/** Types a prompt and presses Enter, each until the client takes it: an old one that starts loses keys. */
async function prompt(terminal: Terminal, model: Talker, text: string): Promise<void> {
  const isShown = () => terminal.screen().includes(text);
  const isHeard = () => model.heard(text) !== undefined;
  const patiently = async (isDone: () => boolean) => {
    for (let i = 0; i < 15 && !isDone(); i++) await Bun.sleep(200);
  };
  const heard = async () => {
    if (!isShown()) {
      terminal.keys(text);
      await patiently(isShown);
    }
    terminal.press("Enter");
    await patiently(isHeard);
    return isHeard();
  };
  await eventually(`the model hears "${text}"`, heard, PATIENCE_MS).catch((error) => {
    throw new Error(`${error.message}; the screen shows:\n${terminal.screen()}`);
  });
}

/** The dialog of a permission stands at once, whatever the hook beside it does, and is answered where it stands. */
async function asks(terminal: Terminal, model: Talker, file: string): Promise<void> {
  const shown = () => terminal.screen().includes("Do you want to create");
  // An old client calls the model for itself too, and drops what it says then.
  const asked = async () => {
    model.use("Write", { file_path: file, content: "x" });
    await prompt(terminal, model, fresh("write it"));
    for (let i = 0; i < 50 && !shown(); i++) await Bun.sleep(200);
    return shown();
  };
  await eventually("it asks", asked, PATIENCE_MS);
  const written = async () => {
    terminal.press("Enter");
    await Bun.sleep(500);
    return existsSync(file);
  };
  await eventually("it is allowed in its terminal", written, PATIENCE_MS);
}

for (const version of new Set([...VERSIONS, ...(latest === undefined ? [] : [latest])])) {
  const file = hasTmux ? await findClaude(version) : undefined;
  if (file === undefined)
    console.log(`NOT TESTED: Claude Code ${version}, it cannot be had here (npm, tmux)`);
  const wakes = !isNewer(WAKES_FROM, version);
  test.skipIf(file === undefined)(
    `Claude Code ${version}: a prompt is answered, and a message ${wakes ? "wakes the session" : "comes with the next prompt"}`,
    async () => {
      const bus = await startBus("binary", { folder: tempFolder(true) });
      const model = startTalker();
      const { client, told } = await installed(String(file), model, bus);
      expect(told.includes("so its sessions are not woken")).toBe(!wakes);
      const name = `v${version.replaceAll(".", "-")}`;
      const terminal = await Terminal.open(tmux, name, client);
      await prompt(terminal, model, "hello");
      const text = fresh("look at this");
      // biome-ignore lint/suspicious/noExplicitAny: one field of it
      const session = async (): Promise<any> => (await bus.call("list_sessions")).result[0];
      await eventually("a session at rest", async () => (await session())?.state === "idle", PATIENCE_MS);
      if (wakes) await eventually("it waits", async () => (await session()).reach === "wakes", PATIENCE_MS);
      const channel = `session:${(await session()).session_id}`;
      await bus.call("publish_event", { event_type: "question", payload: text, channel });
      if (!wakes) await prompt(terminal, model, "anything new?");
      await eventually("the model is shown it", () => model.heard(text) !== undefined, PATIENCE_MS);
      expect(model.count(text)).toBe(1);
      if (wakes) await asks(terminal, model, join(client.home, "asked"));
      model.stop();
    },
    TIMEOUT_MS,
  );
}
