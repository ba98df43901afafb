// The doctor on a machine whose Claude Code has the plugin, and on what carries its sessions.
import { beforeAll, expect, test } from "bun:test";
import { appendFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { hooksOf } from "../../src/install/hook_entries.ts";
import { binary } from "../support/binary.ts";
import { startBus } from "../support/bus.ts";
import { startRelay } from "../support/bus_relay.ts";
import { claudeStandIn } from "../support/claude_stand_in.ts";
import { diagnose, expectWell } from "../support/doctor.ts";
import { newMachine } from "../support/machine.ts";
import { eventually } from "../support/webhook.ts";

const bus = await startBus("binary");
const relay = startRelay(bus);
const machine = newMachine(claudeStandIn());
const folder = machine.file(".claude/skills/agent-event-bus");
const install = `agent-event-bus install client --url ${relay.url}`;

beforeAll(async () => {
  const { code, stderr } = await machine.sh(`'${binary}' install client --url ${relay.url} --yes`);
  expect([code, stderr]).toEqual([0, ""]);
});

const found = async (what: string) => {
  const { checks, bad } = await diagnose(machine);
  return { bad, finding: checks.find((one) => one.what === what) };
};

/** Expects a problem of the plugin, and that its repair helps. */
async function expectRepaired(says: string | RegExp, repair = install): Promise<void> {
  const { bad, finding } = await found("plugin");
  expect(bad).toEqual(["plugin"]);
  expect(finding).toMatchObject({ found: expect.stringMatching(says), repair });
  const repaired = await machine.sh(repair);
  expect([repaired.code, repaired.stderr]).toEqual([0, ""]);
  await expectWell(machine);
}

test("the plugin is in place: that is all, and no hooks are missed", async () => {
  const { checks } = await expectWell(machine);
  const looked = checks.map(({ what }) => what);
  expect(looked).toContain("plugin");
  expect(looked).not.toContain("hooks");
  expect(checks.find(({ what }) => what === "plugin")).toEqual({
    what: "plugin",
    state: "ok",
    found: expect.stringMatching(/^version \S+ in \S+\/skills\/agent-event-bus$/),
  });
});

test("files of another version, and a missing one", async () => {
  appendFileSync(join(folder, "hooks/register.js"), "// older\n");
  rmSync(join(folder, "README.md"));
  await expectRepaired(/^not of this version, in \S+: hooks\/register\.js, README\.md$/);
});

test("the plugin and hooks in settings.json would deliver twice", async () => {
  const file = machine.file(".claude/settings.json");
  const settings = JSON.parse(readFileSync(file, "utf8"));
  const hooks = hooksOf(machine.file(".local/bin/agent-event-bus"));
  writeFileSync(file, JSON.stringify({ ...settings, hooks }));
  await expectRepaired(
    /^only one of these may deliver: the plugin in \S+ and 11 hooks in \S+\/settings\.json$/,
  );
  expect(JSON.parse(readFileSync(file, "utf8")).hooks).toBeUndefined();
});

test("a client that is too old gets hooks, and the plugin again once it is updated", async () => {
  const old = claudeStandIn("2.1.286");
  const line = readFileSync(join(old, "claude"), "utf8");
  const file = join(String(machine.env.PATH?.split(":")[2]), "claude");
  const now = readFileSync(file, "utf8");
  writeFileSync(file, line);
  await expectRepaired(
    "does not work. Claude Code 2.1.286 cannot load it, but 2.1.287 and later can",
    `${install} --hooks-only`,
  );
  writeFileSync(file, now);
  expect((await found("plugin")).finding).toMatchObject({
    ...{ state: "note", found: expect.stringContaining("left out (--hooks-only)") },
  });
  await machine.sh(install);
  await expectWell(machine);
});

test("a plugin that the person switched off in Claude Code", async () => {
  const file = machine.file(".claude/settings.json");
  const settings = JSON.parse(readFileSync(file, "utf8"));
  const off = { enabledPlugins: { "agent-event-bus@skills-dir": false } };
  writeFileSync(file, JSON.stringify({ ...settings, ...off }));
  await expectRepaired(
    /^does not work\. enabledPlugins in \S+settings\.json forbids it$/,
    `${install} --hooks-only`,
  );
  writeFileSync(file, JSON.stringify(settings));
  await machine.sh(install);
  await expectWell(machine);
});

test("our plugin from a marketplace, beside this one, and alone", async () => {
  const file = machine.file(".claude/settings.json");
  const settings = JSON.parse(readFileSync(file, "utf8"));
  const market = () =>
    writeFileSync(file, JSON.stringify({ ...settings, enabledPlugins: { "agent-event-bus@acme": true } }));
  market();
  await expectRepaired(/^only one of these may deliver: agent-event-bus@acme and the plugin in \S+$/);
  market();
  rmSync(folder, { recursive: true });
  await machine.sh("claude mcp remove --scope user agent-event-bus");
  const { checks } = await expectWell(machine);
  expect(checks.map(({ what }) => what)).not.toContain("mcp");
  expect(checks.find(({ what }) => what === "plugin")).toMatchObject({
    state: "note",
    found: `agent-event-bus@acme, which takes no answers to dialogs from elsewhere. To replace it: ${install}`,
  });
  await machine.sh(install);
  await expectWell(machine);
});

test("a folder that is not ours is told", async () => {
  await machine.sh(`agent-event-bus uninstall --client --yes`);
  machine.write(".claude/skills/agent-event-bus/SKILL.md", "my own");
  expect((await machine.sh(install)).code).toBe(0);
  const { checks } = await expectWell(machine);
  expect(checks.find(({ what }) => what === "plugin")).toEqual({
    ...{ what: "plugin", state: "note" },
    found: `not used, because ${folder} is not ours (SKILL.md)`,
  });
  rmSync(folder, { recursive: true });
  await machine.sh(install);
});

const MACHINE = hostname();
const registered = (name: string, more: object = {}) =>
  bus.call("start_session", { client_id: name, name, machine: MACHINE, cwd: "/x", repo: "x", ...more });

/** Sessions whose client has a mod, a waiter, hooks, and nothing. One began before the plugin was put in. */
async function sessionsOfAllRungs(): Promise<void> {
  await registered("early");
  await Bun.sleep(20);
  appendFileSync(join(folder, "hooks/register.js"), "//\n");
  await machine.sh(install);
  await Bun.sleep(20);
  for (const name of ["carried", "waits"]) await registered(name);
  await registered("elsewhere", { machine: "another" });
  await bus.call("register_session", { name: "asks", machine: MACHINE, cwd: "/x", client_id: "asks" });
  const wake = { path: "wake", wait_seconds: 240 };
  await bus.call("collect_events", { client_id: "carried", machine: MACHINE, path: "prompt", mod: true });
  void bus.call("collect_events", { client_id: "waits", machine: MACHINE, ...wake }).catch(() => {});
  const rungs = async () =>
    (await bus.call("list_sessions")).result.map(({ rung }: { rung: string }) => rung);
  await eventually("one waits", async () => (await rungs()).includes("waiter"));
}

test("each session of this machine: what carries it, and why not the plugin", async () => {
  expect((await found("session")).finding).toBeUndefined();
  await sessionsOfAllRungs();
  const lines = async () => {
    const { checks } = await diagnose(machine);
    return checks
      .filter(({ what }) => what === "session")
      .map(({ state, found: text }) => `${state}: ${text}`);
  };
  expect((await lines()).sort()).toEqual([
    "note: asks: gets messages only when it asks for them. This may be another program, or have begun with --bare or --safe-mode",
    "note: early: hooks deliver at its next prompt or tool use. This session began before the plugin was put in. Start it again, or type /reload-plugins there",
    "note: waits: hooks deliver, and a waiting process wakes it. Why the plugin does not is not known here. Type /plugin there to see if it is loaded",
    "ok: carried: the plugin delivers, and wakes it",
  ]);
  await machine.sh(`${install} --hooks-only`);
  expect((await lines()).sort()).toEqual([
    "note: asks: gets messages only when it asks for them",
    "note: early: hooks deliver at its next prompt or tool use",
    "note: waits: hooks deliver, and a waiting process wakes it",
    "ok: carried: the plugin delivers, and wakes it",
  ]);
  expect((await diagnose(machine)).code).toBe(0);
});

test("an older bus does not tell, and nothing is said", async () => {
  relay.change = { answer: (text) => text.replaceAll(/,\\?"rung\\?":\\?"\w+\\?"/g, "") };
  expect((await found("session")).finding).toBeUndefined();
  relay.change = {};
});
