// Follows the README with a clock, from the clone to the first message that a second real client has answered.
import { afterAll, expect } from "bun:test";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CONCLUSION, type Scene, SENTENCE, startScene } from "../demo/scene.ts";
import { root } from "../support/bus.ts";
import { removeFolders, tempFolder } from "../support/folder.ts";
import { type Machine, newMachine } from "../support/machine.ts";
import { type Block, shellBlocks } from "../support/page.ts";
import { freePort } from "../support/port.ts";
import { eventually } from "../support/webhook.ts";
import { makePatient } from "./client.ts";
import { newClient, testAtTerminal } from "./converse.ts";
import { answerFirstQuestions, Terminal, Tmux } from "./terminal.ts";

const TIMEOUT_MS = 300_000;
const PATIENCE_MS = 60_000;
const MOST_SECONDS = 180;

/** How this machine reaches the network. */
const NETWORK = Object.fromEntries(
  Object.entries(process.env).filter(([name]) =>
    /^(NODE_EXTRA_CA_CERTS|SSL_CERT_\w+|\w+_PROXY|NPM_CONFIG_\w+)$/i.test(name),
  ),
) as Record<string, string>;

const tmux = new Tmux();
let machine: Machine;
let models: Scene | undefined;

afterAll(() => {
  tmux.end();
  models?.stop();
  removeFolders();
});

/** A folder with the command `claude`. It starts in the mode that asks its model for nothing. */
function claudeInPath(): string {
  const folder = tempFolder(true);
  const script = `[ $# -gt 0 ] || set -- --permission-mode default\nexec '${newClient().file}' "$@"`;
  writeFileSync(join(folder, "claude"), `#!/bin/sh\n${script}\n`);
  chmodSync(join(folder, "claude"), 0o755);
  return folder;
}

/** The commands of the README's block under that heading. */
function blockUnder(heading: string, which = 0): Block["commands"] {
  return shellBlocks("README.md").filter(({ section }) => section === heading)[which]?.commands ?? [];
}

const sessions = async () => JSON.parse((await machine.sh("agent-event-bus sessions --json")).stdout);

/** Types the README's line for a session of that name in a new terminal, and waits until it is on the bus. */
async function open(name: "web" | "api"): Promise<Terminal> {
  const line = `mkdir -p ~/${name} && cd ~/${name} && claude`;
  expect([blockUnder("Try it", 0), blockUnder("Try it", 1)]).toContainEqual([line]);
  const client = newClient(models?.[name].url, machine.home);
  answerFirstQuestions(client);
  const env = Object.entries({ ...client.env, ...machine.env, TERM: "xterm-256color", PS1: "$ " });
  const shell = ["env", "-i", ...env.map(([key, value]) => `${key}=${value}`), "bash", "--norc"];
  const limited = ["timeout", "--foreground", "--signal=KILL", String(TIMEOUT_MS / 1_000), ...shell];
  tmux.run("new-session", "-d", "-s", name, "-x", "100", "-y", "40", "-c", machine.home, "--", ...limited);
  const terminal = new Terminal(tmux, name);
  // A shell that is just starting may lose keys.
  await terminal.shows("$");
  await terminal.say(line);
  const here = async () => (await sessions()).some((one: { name: string }) => one.name === name);
  await eventually(`${name} on the bus`, here, PATIENCE_MS);
  return terminal;
}

testAtTerminal(
  `from a clone to the first answer of a second session takes less than ${MOST_SECONDS} s`,
  async () => {
    machine = newMachine(claudeInPath());
    models = await startScene(join(machine.home, "web"));
    const took: [step: string, seconds: number][] = [];
    const step = async <T>(name: string, work: () => Promise<T>): Promise<T> => {
      const began = performance.now();
      const result = await work();
      took.push([name, (performance.now() - began) / 1_000]);
      return result;
    };

    const clone = await step("git clone", () => machine.sh(`git clone --quiet '${root}' bus`));
    expect(clone).toMatchObject({ code: 0, stderr: "" });
    const [line] = blockUnder("Install");
    const port = await freePort();
    const installed = await step(String(line), () => machine.sh(`cd bus && ${line} --port ${port}`, NETWORK));
    if (installed.stderr.includes("is the network reachable?"))
      return console.log("skipped: a newcomer, npm cannot be reached");
    expect(installed).toMatchObject({ code: 0 });
    const [check] = blockUnder("Install", 1);
    expect(await step(String(check), () => machine.sh(String(check)))).toMatchObject({ code: 0 });
    makePatient(machine.home);

    const [, api] = await step(
      "two sessions start",
      async () => [await open("web"), await open("api")] as const,
    );
    // The plugin is what carries both, and the doctor says so.
    const carried = async () =>
      (await sessions()).filter(({ rung }: { rung: string }) => rung === "mod").length === 2;
    await eventually("the plugin carries both", carried, PATIENCE_MS);
    const { stdout } = await machine.sh("agent-event-bus doctor");
    for (const name of ["web", "api"])
      expect(stdout).toMatch(new RegExp(`^ok +session +${name}: the plugin delivers, and wakes it$`, "m"));
    await step(`"${SENTENCE}"`, async () => {
      await api.say(SENTENCE);
      const answered = () => api.screen().replace(/\s+/g, " ").includes(CONCLUSION);
      await eventually("the answer of web", answered, PATIENCE_MS);
    });

    const total = took.reduce((sum, [, seconds]) => sum + seconds, 0);
    for (const [name, seconds] of [...took, ["in all", total] as const])
      console.log(`${seconds.toFixed(1).padStart(6)} s  ${name}`);
    expect(total).toBeLessThan(MOST_SECONDS);
  },
  TIMEOUT_MS,
);
