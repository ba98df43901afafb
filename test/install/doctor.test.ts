import { beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, statSync, truncateSync } from "node:fs";
import { binary } from "../support/binary.ts";
import { addSetting, BROKEN, serverOn } from "../support/broken.ts";
import { claudeStandIn } from "../support/claude_stand_in.ts";
import { diagnose, expectFound, expectWell } from "../support/doctor.ts";
import { newMachine } from "../support/machine.ts";
import { freePort } from "../support/port.ts";

const port = await freePort();
// A client that cannot load the plugin, so that hooks deliver.
const machine = newMachine(claudeStandIn("2.1.286"));
const server = serverOn(machine, port);
const { program, data, url, sh } = server;

beforeAll(async () => {
  const { code, stderr } = await machine.sh(`'${binary}' install server --port ${port} --yes`);
  expect([code, stderr]).toEqual([0, ""]);
});

test("all is well: exit code 0, the way of the message and its milliseconds, and no session is left", async () => {
  const { checks, path } = await expectWell(machine);
  const looked = [
    "executable",
    "PATH",
    "settings",
    "service",
    "port",
    "bus",
    "token",
    "version",
    "clock",
    "database",
    "mcp",
    "allow",
    "plugin",
    "hooks",
    "message",
  ];
  expect(checks.map(({ what }) => what)).toEqual(looked);
  expect(path).toStartWith(`CLI → ${url} → ${data("data.db")} → session `);
  expect((await machine.sh("agent-event-bus sessions --json")).stdout).toBe("[]\n");
  const { stdout } = await machine.sh("agent-event-bus doctor");
  expect(stdout.split("\n").filter(Boolean)).toHaveLength(looked.length + 1);
  expect(stdout).toMatch(/\nEverything works. A test message arrived after [\d.]+ ms\.\n$/);
  expect(stdout).toMatch(/\nok {4}message {7}CLI → .* → session \S+: [\d.]+ ms\n/);
});

test.each(BROKEN)("$name: the doctor finds it", (row) => expectFound(machine, server, row));

describe("what the shell finds", () => {
  const PATH = machine.env.PATH?.replace(`${machine.file(".local/bin")}:`, "") ?? "";

  test("the folder of the executable is not on PATH", async () => {
    const { bad, code, checks } = await diagnose(machine, { PATH }, program);
    expect([bad, code]).toEqual([["PATH"], 1]);
    const { found, repair } = checks.find(({ what }) => what === "PATH") ?? {};
    expect(found).toEndWith(".local/bin is not on it, so a shell does not find agent-event-bus");
    const repaired = await machine.sh(`${repair}; . ~/.bashrc; agent-event-bus doctor --json`, { PATH });
    expect([repaired.code, JSON.parse(repaired.stdout).error]).toEqual([0, undefined]);
  });

  test("another program of that name comes first", async () => {
    machine.write("other/agent-event-bus", "#!/bin/sh\n");
    chmodSync(machine.file("other/agent-event-bus"), 0o755);
    const first = { PATH: `${machine.file("other")}:${machine.env.PATH}` };
    const { bad, checks } = await diagnose(machine, first, program);
    expect(bad).toEqual(["PATH"]);
    const { found, repair } = checks.find(({ what }) => what === "PATH") ?? {};
    expect(found).toMatch(/^a shell runs \S+other\/agent-event-bus, which comes before /);
    await machine.sh(repair ?? "");
    await expectWell(machine, first);
  });
});

test.each([
  ["gone", "rm .local/bin/agent-event-bus", /^\S+ does not exist$/],
  ["older", "cp old .local/bin/agent-event-bus", /^\S+ is version 0.0.9, this one is \d/],
  ["broken", "echo broken > .local/bin/agent-event-bus", /^\S+ does not start: /],
])("the executable is %s: the one that runs says how it is installed again", async (_name, line, says) => {
  machine.write("old", "#!/bin/sh\necho 0.0.9\n");
  await sh(`chmod +x old; cp --remove-destination old .local/bin/agent-event-bus; ${line}`);
  const { bad, checks } = await diagnose(machine, {}, binary);
  expect(bad).toEqual(["executable"]);
  const [{ found, repair } = {}] = checks;
  expect(found).toMatch(says);
  expect(repair).toBe(`${binary} install server`);
  expect(await machine.sh(repair ?? "")).toMatchObject({ code: 0, stderr: "" });
  await expectWell(machine);
});

test("a large database is not read whole", async () => {
  await sh("systemctl --user stop agent-event-bus.service");
  const { size } = statSync(data("data.db"));
  truncateSync(data("data.db"), 300 * 1024 * 1024);
  const { checks } = await diagnose(machine);
  truncateSync(data("data.db"), size);
  const { state, found } = checks.find(({ what }) => what === "database") ?? {};
  expect([state, found]).toEqual([
    "ok",
    expect.stringMatching(/too large for a complete check here. For that, run: agent-event-bus check$/),
  ]);
  await sh("agent-event-bus restart");
  await expectWell(machine);
});

test("a bus that runs without a service is fine", async () => {
  const PATH = machine.env.PATH?.replace(`${machine.systemctl.folder}:`, "") ?? "";
  const { checks } = await expectWell(machine, { PATH, XDG_RUNTIME_DIR: machine.home });
  const { state, found } = checks.find(({ what }) => what === "service") ?? {};
  expect([state, found]).toEqual([
    "note",
    expect.stringMatching(/^not available: .*, but the bus runs without one$/),
  ]);
});

test("what is no problem is a note: a setting that nothing reads, a URL of this shell alone, no claude", async () => {
  await addSetting("AGENT_EVENT_BUS_ULR=x")(server);
  const odd = await expectWell(machine);
  const note = odd.checks.find(({ state, what }) => state === "note" && what === "settings");
  expect(note?.found).toEndWith("AGENT_EVENT_BUS_ULR is not a setting of the bus and is ignored");
  await sh(`sed -i /ULR/d .claude/contrib/agent-event-bus/settings.env`);
  const { checks } = await expectWell(machine, { AGENT_EVENT_BUS_URL: `http://localhost:${port}/mcp` });
  expect(checks.find(({ what }) => what === "settings")?.found).toContain("in this shell only");
});

test("a proxy hinders no command, and Claude Code alone needs the bus in NO_PROXY", async () => {
  const dead = "http://127.0.0.1:1";
  const proxies = { HTTP_PROXY: dead, http_proxy: dead, HTTPS_PROXY: dead };
  expect((await diagnose(machine, proxies)).bad).toEqual(["mcp proxy"]);
  await expectWell(machine, { ...proxies, NO_PROXY: "127.0.0.1" });
});

test("a check that hangs does not hold up the others", async () => {
  machine.write("hanging/systemctl", "#!/bin/sh\nexec sleep 20\n");
  chmodSync(machine.file("hanging/systemctl"), 0o755);
  const PATH = `${machine.file("hanging")}:${machine.env.PATH}`;
  const { bad, checks, milliseconds } = await diagnose(machine, { PATH });
  expect(bad).toEqual(["service"]);
  expect(checks.find(({ what }) => what === "service")?.found).toBe("did not finish within 4 s");
  expect(milliseconds).toBeGreaterThan(0);
});
