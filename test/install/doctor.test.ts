import { beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { binary } from "../support/binary.ts";
import { startBus } from "../support/bus.ts";
import { type BusRelay, startRelay } from "../support/bus_relay.ts";
import { claudeCommand } from "../support/claude_command.ts";
import { diagnose, editor, expectWell } from "../support/doctor.ts";
import { freePort } from "../support/installed.ts";
import { newMachine } from "../support/machine.ts";

const SETTINGS = ".claude/settings.json";
const claude = await claudeCommand();
if (claude === undefined) console.log("skipped: mcp, there is no Claude Code here");

const port = await freePort();
const url = `http://127.0.0.1:${port}/mcp`;
const machine = newMachine(...(claude === undefined ? [] : [claude]));
const program = machine.file(".local/bin/agent-event-bus");
const data = (name: string) => join(machine.data, name);

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
    "hooks",
    "message",
  ];
  expect(checks.map(({ what }) => what)).toEqual(looked);
  expect(path).toStartWith(`CLI → ${url} → ${data("data.db")} → session `);
  expect((await machine.sh("agent-event-bus sessions --json")).stdout).toBe("[]\n");
  const { stdout } = await machine.sh("agent-event-bus doctor");
  expect(stdout.split("\n").filter(Boolean)).toHaveLength(looked.length + 1);
  expect(stdout).toMatch(/\nAll is well: a message arrived after [\d.]+ ms\.\n$/);
  expect(stdout).toMatch(/\nok {4}message {7}CLI → .* → session \S+: [\d.]+ ms\n/);
});

interface Row {
  name: string;
  break(): unknown;
  /** The checks that find it. */
  bad: readonly string[];
  says: RegExp;
  repair: RegExp;
  /** What the person has beside the command: an editor, or an environment. */
  env?: Record<string, string>;
  /** Where the command cannot be run here. */
  mend?(): unknown;
}

const sh = (line: string) => machine.sh(line);
const edited = (change: (text: string) => string) => () =>
  machine.write(SETTINGS, change(readFileSync(machine.file(SETTINGS), "utf8")));
const addSetting = (line: string) => () =>
  writeFileSync(data("settings.env"), `${readFileSync(data("settings.env"), "utf8")}${line}\n`);
const install = /^agent-event-bus install server$/;
const restart = /^agent-event-bus restart$/;
const edits = (file: string) =>
  new RegExp(`^"\\$\\{EDITOR:-vi\\}" (\\+\\d+ )?${file.replaceAll(".", "\\.")}$`);
const removeLine = (pattern: string) => editor(`sed -i '/${pattern}/d' "$file"`);

let stranger: { stop(force: boolean): unknown } | undefined;

/** Something else in the place of the bus. */
async function inItsPlace(answer: () => Response | Promise<Response>): Promise<void> {
  await sh("systemctl --user stop agent-event-bus.service");
  stranger = Bun.serve({ port, hostname: "127.0.0.1", fetch: answer });
}

async function another(change: BusRelay["change"]): Promise<void> {
  await sh("systemctl --user stop agent-event-bus.service");
  const relay = startRelay(await startBus("source"), change, port);
  stranger = { stop: () => relay.stop() };
}

async function back(): Promise<void> {
  await stranger?.stop(true);
  await sh("agent-event-bus restart");
}

const rows: Row[] = [
  {
    name: "the service is stopped",
    break: () => sh("systemctl --user stop agent-event-bus.service"),
    bad: ["service", "bus"],
    says: /agent-event-bus.service does not run \(inactive \(dead\)\)/,
    repair: restart,
  },
  {
    name: "the bus was killed",
    break: () => process.kill(machine.systemctl.pid() ?? 0, "SIGKILL"),
    bad: ["service", "bus"],
    says: /does not run/,
    repair: restart,
  },
  {
    name: "the service is not started at login",
    break: () => sh("systemctl --user disable agent-event-bus.service"),
    bad: ["service"],
    says: /is not started at login/,
    repair: install,
  },
  {
    name: "the service is gone",
    break: () => sh("systemctl --user stop x; rm .config/systemd/user/agent-event-bus.service"),
    bad: ["service", "bus"],
    says: /no systemd user unit agent-event-bus.service/,
    repair: install,
  },
  {
    name: "the service runs another executable",
    break: () =>
      sh(`sed -i 's|^ExecStart=.*|ExecStart=${binary} serve|' .config/systemd/user/agent-event-bus.service`),
    bad: ["service"],
    says: /runs \S+dist\/agent-event-bus, not \S+\.local\/bin\/agent-event-bus/,
    repair: install,
  },
  {
    name: "hooks are removed",
    break: () => machine.write(SETTINGS, "{}"),
    bad: ["hooks"],
    says: /not in \S+settings.json: SessionStart: .*Stop: /,
    repair: install,
  },
  {
    name: "hooks name another executable",
    break: edited((text) => text.replaceAll(program, "/elsewhere/agent-event-bus")),
    bad: ["hooks"],
    says: /of another executable: SessionStart: /,
    repair: install,
  },
  {
    name: "hooks are switched off",
    break: edited((text) => text.replace("{", '{\n"disableAllHooks": true,')),
    bad: ["hooks"],
    says: /switched off by disableAllHooks in \S+settings.json/,
    repair: edits(machine.file(SETTINGS)),
    env: removeLine("disableAllHooks"),
  },
  {
    name: "settings.json is broken",
    break: edited((text) => `${text}\n]broken\n`),
    bad: ["hooks"],
    says: /settings.json/,
    repair: edits(machine.file(SETTINGS)),
    env: removeLine("broken"),
  },
  {
    name: "settings.json has a comment, for which Claude Code ignores it",
    break: edited((text) => `// mine\n${text}`),
    bad: ["hooks"],
    says: /Claude Code ignores all of \S+settings.json as long as it has comments/,
    repair: edits(machine.file(SETTINGS)),
    env: removeLine("mine"),
  },
  {
    name: "a line of settings.env is none",
    break: addSetting("what is this"),
    bad: ["settings"],
    says: /settings.env, line 2: "what is this" is not KEY=VALUE/,
    repair: edits(data("settings.env")),
    env: removeLine("what is this"),
  },
  {
    name: "a value of settings.env cannot be used",
    break: addSetting("AGENT_EVENT_BUS_REQUIRE_TOKEN=perhaps"),
    bad: ["settings"],
    says: /AGENT_EVENT_BUS_REQUIRE_TOKEN takes 1 or 0, not "perhaps"/,
    repair: edits(data("settings.env")),
    env: removeLine("perhaps"),
  },
  {
    name: "the database is open to others",
    break: () => chmodSync(data("data.db"), 0o644),
    bad: ["permissions"],
    says: /data.db has mode 644/,
    repair: /^chmod 600 \S+data.db$/,
  },
  {
    name: "settings.env is open to others",
    break: () => chmodSync(data("settings.env"), 0o604),
    bad: ["permissions"],
    says: /settings.env has mode 604/,
    repair: /^chmod 600 \S+settings.env$/,
  },
  {
    name: "a stranger is on the port",
    break: () => inItsPlace(() => new Response("hello")),
    bad: ["service", "bus"],
    says: /no bus answers at \S+: HTTP 200: hello/,
    repair: /^agent-event-bus install server --port 8081$/,
    mend: back,
  },
  {
    name: "the Python original is on the port",
    break: () => inItsPlace(() => Response.json({ status: "ok", service: "agent-event-bus" })),
    bad: ["service", "bus"],
    says: /the Python original answers at/,
    repair: install,
    mend: back,
  },
  {
    name: "an older bus still runs",
    break: () =>
      another({
        answer: (text, path) =>
          path === "/health" ? text.replace(/"version":"[^"]*"/, '"version":"0.0.9"') : text,
      }),
    bad: ["service", "version"],
    says: /the bus is 0.0.9, this program is \d/,
    repair: restart,
    mend: back,
  },
  {
    name: "the database takes no writes",
    break: () =>
      another({
        answer: (text) => text.replace('"status":"ok"', '"status":"degraded","reason":"storage_full"'),
      }),
    bad: ["service", "bus"],
    says: /takes no writes: storage_full/,
    repair: /^agent-event-bus check$/,
    mend: back,
  },
];

const mcpRows: Row[] = [
  {
    name: "Claude Code does not know the bus",
    break: () => sh("claude mcp remove --scope user agent-event-bus"),
    bad: ["mcp"],
    says: /Claude Code does not know the bus/,
    repair: install,
  },
  {
    name: "Claude Code asks another bus",
    break: () => sh(`sed -i 's|${url}|http://127.0.0.1:1/mcp|' .claude.json`),
    bad: ["mcp"],
    says: /Claude Code asks http:\/\/127.0.0.1:1\/mcp; commands and hooks ask/,
    repair: install,
  },
  {
    name: "there is no token where the bus wants one",
    break: () =>
      sh(
        "echo AGENT_EVENT_BUS_REQUIRE_TOKEN=1 >> .claude/contrib/agent-event-bus/settings.env; agent-event-bus restart",
      ),
    bad: ["token"],
    says: /wants a token/,
    repair:
      /^\(umask 077; agent-event-bus token create --name \S+ --json \| sed .* > \S+token\) && agent-event-bus install server$/,
  },
  {
    name: "Claude Code has no token",
    break: () =>
      sh(
        `claude mcp remove --scope user agent-event-bus; claude mcp add --transport http --scope user agent-event-bus ${url}`,
      ),
    bad: ["mcp"],
    says: /Claude Code has no token for the bus, which wants one/,
    repair: install,
  },
  {
    name: "Claude Code has another token",
    break: () => sh(`sed -i 's|Bearer aeb_|Bearer aeb_0|' .claude.json`),
    bad: ["mcp"],
    says: /the token that Claude Code has is not valid/,
    repair: install,
  },
  {
    name: "the kept token is not valid",
    break: () => writeFileSync(data("token"), "aeb_wrong\n"),
    bad: ["token"],
    says: /token/,
    repair: /token create --name/,
  },
];

test.each([...rows, ...(claude === undefined ? [] : mcpRows)])("$name: the doctor finds it", async (row) => {
  await row.break();
  const { checks, bad, code, error } = await diagnose(machine);
  expect(bad).toEqual([...row.bad]);
  expect([code, error]).toEqual([1, `${bad.length} of ${checks.length} checks found a problem.`]);
  const finding = checks.find(({ found, state }) => state === "bad" && row.says.test(found));
  expect(`${finding?.found}\n${finding?.repair}`).toMatch(row.says);
  expect(finding?.repair).toMatch(row.repair);
  if (row.mend !== undefined) await row.mend();
  else {
    const repaired = await machine.sh(finding?.repair ?? "false", row.env);
    expect([repaired.code, repaired.stderr]).toEqual([0, ""]);
  }
  await expectWell(machine);
});

describe("what the shell finds", () => {
  const PATH = machine.env.PATH?.replace(`${machine.file(".local/bin")}:`, "") ?? "";

  test("the folder of the executable is not on PATH", async () => {
    const { bad, code, checks } = await diagnose(machine, { PATH }, program);
    expect([bad, code]).toEqual([["PATH"], 1]);
    const { found, repair } = checks.find(({ what }) => what === "PATH") ?? {};
    expect(found).toEndWith(".local/bin is not on it: a shell does not find agent-event-bus");
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
  ["gone", "rm .local/bin/agent-event-bus", /^\S+ is not there$/],
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
    expect.stringMatching(/too large to read it all here, that does: agent-event-bus check$/),
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
    expect.stringMatching(/^none here: .*; the bus runs without one$/),
  ]);
});

test("what is no problem is a note: a setting that nothing reads, a URL of this shell alone, no claude", async () => {
  await addSetting("AGENT_EVENT_BUS_ULR=x")();
  const odd = await expectWell(machine);
  const note = odd.checks.find(({ state, what }) => state === "note" && what === "settings");
  expect(note?.found).toEndWith("AGENT_EVENT_BUS_ULR is no setting of the bus, nothing reads it");
  await sh(`sed -i /ULR/d .claude/contrib/agent-event-bus/settings.env`);
  const { checks } = await expectWell(machine, { AGENT_EVENT_BUS_URL: `http://localhost:${port}/mcp` });
  expect(checks.find(({ what }) => what === "settings")?.found).toContain("in this shell only");
});

test("a proxy is no hindrance to a bus of this machine", async () => {
  const dead = "http://127.0.0.1:1";
  const { checks } = await expectWell(machine, { HTTP_PROXY: dead, http_proxy: dead, HTTPS_PROXY: dead });
  expect(checks.map(({ what }) => what)).not.toContain("proxy");
});

test("a check that hangs does not hold up the others", async () => {
  machine.write("hanging/systemctl", "#!/bin/sh\nexec sleep 20\n");
  chmodSync(machine.file("hanging/systemctl"), 0o755);
  const PATH = `${machine.file("hanging")}:${machine.env.PATH}`;
  const { bad, checks, milliseconds } = await diagnose(machine, { PATH });
  expect(bad).toEqual(["service"]);
  expect(checks.find(({ what }) => what === "service")?.found).toBe("it did not end within 4 s");
  expect(milliseconds).toBeGreaterThan(0);
});
