import { beforeAll, expect, test } from "bun:test";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { binary } from "../support/binary.ts";
import { startBus } from "../support/bus.ts";
import { startRelay } from "../support/bus_relay.ts";
import { tokenFor } from "../support/callers.ts";
import { diagnose, expectWell } from "../support/doctor.ts";
import { newMachine } from "../support/machine.ts";
import { eventually } from "../support/webhook.ts";

const bus = await startBus("binary", { env: { AGENT_EVENT_BUS_REQUIRE_TOKEN: "1" } });
const token = tokenFor(bus.db, "laptop");
const relay = startRelay(bus);
const machine = newMachine();
const data = (name: string) => join(machine.data, name);

beforeAll(async () => {
  const { code, stderr } = await machine.sh(
    `'${binary}' install client --url ${relay.url} --token ${token} --yes`,
  );
  expect([code, stderr]).toEqual([0, ""]);
});

async function sessions(): Promise<unknown> {
  const { stdout } = await machine.sh("agent-event-bus sessions --json", { AGENT_EVENT_BUS_URL: bus.url });
  return JSON.parse(stdout);
}

test("all is well with a bus elsewhere: nothing of a server is looked at", async () => {
  const { checks, path } = await expectWell(machine);
  expect(checks.map(({ what }) => what)).toEqual([
    "executable",
    "PATH",
    "settings",
    "bus",
    "token",
    "version",
    "clock",
    "mcp",
    "hooks",
    "message",
  ]);
  expect(path).toMatch(/^CLI → \S+ → database on 127.0.0.1 → session \S+$/);
  expect(await sessions()).toEqual([]);
});

test("a wrong token, which hooks keep silent about", async () => {
  writeFileSync(data("token"), "aeb_wrong\n");
  const { bad, code, checks } = await diagnose(machine);
  writeFileSync(data("token"), `${token}\n`);
  expect([bad, code]).toEqual([["token"], 1]);
  expect(checks.find(({ what }) => what === "token")?.repair).toMatch(
    /^on 127.0.0.1: agent-event-bus token create --name \S+, then here: agent-event-bus install client --url \S+ --token -$/,
  );
  await expectWell(machine);
});

test("a token that only publishes", async () => {
  const { checks, bad } = await diagnose(machine, {
    AGENT_EVENT_BUS_TOKEN: tokenFor(bus.db, "ci", "publish"),
  });
  expect(bad).toEqual(["message"]);
  expect(checks.at(-1)?.found).toContain("has the scope publish");
});

test("a token that others can read", async () => {
  chmodSync(data("token"), 0o644);
  const { bad, checks } = await diagnose(machine);
  expect(bad).toContain("token");
  const { repair } = checks.find(({ what }) => what === "token") ?? {};
  expect(repair).toBe(`chmod 600 ${data("token")}`);
  expect((await machine.sh(repair ?? "")).code).toBe(0);
  await expectWell(machine);
});

test("clocks that are apart", async () => {
  for (const [aheadMs, state, found] of [
    [5 * 60_000, "bad", /^the clock of the bus \(127.0.0.1\) is 5 min ahead of the clock of this machine$/],
    [-3 * 3_600_000, "bad", /^the clock of the bus \(127.0.0.1\) is 3 h behind the clock of this machine$/],
    [10_000, "note", /^the clock of the bus \(127.0.0.1\) is \d+ s ahead of the clock of this machine$/],
  ] as const) {
    relay.change = { aheadMs };
    const { checks, code } = await diagnose(machine);
    const clock = checks.find(({ what }) => what === "clock");
    expect([clock?.state, code]).toEqual([state, state === "bad" ? 1 : 0]);
    expect(clock?.found).toMatch(found);
    if (state === "bad") expect(clock?.repair).toContain("sudo timedatectl set-ntp true");
  }
  relay.change = {};
  await expectWell(machine);
});

test("another version that still works is a note", async () => {
  relay.change = { answer: (text) => text.replace(/"version":"[^"]*"/, '"version":"9.0.0"') };
  const { checks } = await expectWell(machine);
  relay.change = {};
  const { state, found } = checks.find(({ what }) => what === "version") ?? {};
  expect([state, found]).toEqual([
    "note",
    expect.stringMatching(/^the bus is 9.0.0, this program is \S+: update this machine$/),
  ]);
});

test("a message that does not arrive is a problem, and the session is unregistered all the same", async () => {
  for (const tool of ["publish_event", "get_events"]) {
    relay.calls.length = 0;
    relay.change = {
      instead: (called) => (called === tool ? new Response("broken", { status: 500 }) : undefined),
    };
    const { bad, checks } = await diagnose(machine);
    expect(bad).toEqual(["message"]);
    expect(checks.at(-1)?.found).toStartWith("did not arrive: ");
    expect(relay.calls.at(-1)).toBe("unregister_session");
    expect(await sessions()).toEqual([]);
  }
  relay.change = {};
});

test("Ctrl-C while it waits for the message leaves no session", async () => {
  relay.calls.length = 0;
  relay.change = { instead: (tool) => (tool === "get_events" ? new Promise(() => {}) : undefined) };
  const child = Bun.spawn([machine.file(".local/bin/agent-event-bus"), "doctor"], {
    env: machine.env,
    stdout: "pipe",
    stderr: "pipe",
  });
  await eventually("it waits", () => relay.calls.includes("publish_event"));
  child.kill("SIGINT");
  expect(await child.exited).toBe(1);
  relay.change = {};
  expect(await new Response(child.stdout).text()).toContain("did not arrive: interrupted.");
  expect(await sessions()).toEqual([]);
});

test("Tailscale is asked where the settings name it", async () => {
  const stubs = machine.file("stubs");
  mkdirSync(stubs);
  const settings = readFileSync(data("settings.env"), "utf8");
  writeFileSync(data("settings.env"), `${settings}AGENT_EVENT_BUS_ALLOWED_LOGINS=ada@example.com\n`);
  const env = { PATH: `${stubs}:${machine.env.PATH}` };
  const told = async (script: string) => {
    writeFileSync(join(stubs, "tailscale"), `#!/bin/sh\n${script}\n`);
    chmodSync(join(stubs, "tailscale"), 0o755);
    const { checks } = await diagnose(machine, env);
    const { state, found, repair } = checks.find(({ what }) => what === "tailscale") ?? {};
    return [state, found, repair];
  };
  expect(await told(`echo '{"BackendState":"Running"}'`)).toEqual(["ok", "up", undefined]);
  expect(await told(`echo '{"BackendState":"Stopped"}'`)).toEqual(["bad", "state: Stopped", "tailscale up"]);
  expect(await told("echo 'failed to connect to local tailscaled' >&2; exit 1")).toEqual([
    "bad",
    "tailscale status fails: failed to connect to local tailscaled",
    "tailscale up",
  ]);
  expect((await told("exec sleep 20"))[0]).toBe("bad");
  const { checks } = await diagnose(machine);
  expect(checks.find(({ what }) => what === "tailscale")?.state).toBe("note");
  writeFileSync(data("settings.env"), settings);
});

test("the bus is away: no message is tried, and the other machine is where to look", async () => {
  relay.stop();
  const { bad, checks, code, path } = await diagnose(machine);
  expect([bad, code, path]).toEqual([["bus"], 1, undefined]);
  const { found, repair } = checks.find(({ what }) => what === "bus") ?? {};
  expect(found).toContain("Nothing is listening at 127.0.0.1");
  expect(repair).toBe("on 127.0.0.1: agent-event-bus doctor");
  expect(checks.at(-1)).toEqual({
    what: "message",
    state: "note",
    found: "skipped: fix the problem above first",
  });
});

test("nothing is installed: it says so, and how to", async () => {
  const empty = newMachine();
  const { code, stdout, stderr } = await empty.sh(`'${binary}' doctor`);
  expect([code, stderr]).toEqual([1, "agent-event-bus: Nothing is installed on this machine.\n"]);
  expect(stdout).toContain(
    `${binary} install server (the bus runs here), or: ${binary} install client --url http://BUS:8080/mcp`,
  );
  const { checks, bad } = await diagnose(empty, {}, binary);
  expect([checks.length, bad]).toEqual([1, ["executable"]]);
  expect((await empty.sh("find . -type f")).stdout).toBe("");
});
