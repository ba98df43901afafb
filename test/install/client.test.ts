import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Scope } from "../../src/bus/caller.ts";
import { version } from "../../src/config.ts";
import { openTokens } from "../../src/store/tokens.ts";
import { formerUrl, startAnswering, startOlder } from "../support/answering.ts";
import { type ProcessBus, startBus } from "../support/bus.ts";
import { cli } from "../support/cli.ts";
import { canMount } from "../support/disk.ts";
import { removeFolders, tempFolder } from "../support/folder.ts";
import { newcomer, readOnly } from "../support/newcomer.ts";
import { treeOf } from "../support/tree.ts";

/** A bus that wants a token from everyone, and makes them. */
let bus: ProcessBus;
let token: (name: string, scope?: Scope, ms?: number) => string;

beforeAll(async () => {
  const folder = tempFolder(true);
  const tokens = openTokens(join(folder, "data.db"), Date.now);
  bus = await startBus("binary", { folder, outlives: true, env: { AGENT_EVENT_BUS_REQUIRE_TOKEN: "1" } });
  token = (name, scope = "full", ms) => String(tokens.create(name, scope, ms ?? null)?.secret);
});

afterAll(async () => {
  await bus.kill();
  removeFolders();
});

const install = (url: string, ...more: string[]) => ["install", "client", "--url", url, ...more];

test("a client is installed, a second time nothing changes, and it is removed without a trace but its data", async () => {
  const { home, data, run, put } = newcomer();
  put(".claude/settings.json", '{ "model": "opus" }\n');
  const before = treeOf(home);
  const secret = token("laptop");

  const would = await run(install(bus.url, "--token", secret, "--dry-run"));
  expect(would).toMatchObject({ code: 0, stderr: "" });
  expect(would.stdout.match(/^would do +\w+/gm)).toHaveLength(4);
  expect(treeOf(home)).toEqual(before);

  const done = await run(install(bus.url, "--token", "-"), { stdin: `${secret}\n` });
  expect(done).toMatchObject({ code: 0, stderr: "" });
  const words = (state: string) =>
    [...done.stdout.matchAll(new RegExp(`^${state} +(\\w+)`, "gm"))].map(([, what]) => what);
  expect(words("done")).toEqual(["binary", "settings", "token", "hooks"]);
  expect(words("skipped")).toEqual(["mcp"]);
  expect(done.stdout).toContain(
    `run: claude mcp add --transport http --scope user agent-event-bus ${bus.url} --header "Authorization: Bearer $(cat ${data}/token)"`,
  );
  expect(done.stdout).toContain(`To see that it works: ${home}/.local/bin/agent-event-bus doctor\n`);
  expect(would.stdout + done.stdout).not.toContain(secret);
  expect(readFileSync(join(data, "settings.env"), "utf8")).toBe(`AGENT_EVENT_BUS_URL=${bus.url}\n`);
  expect(readFileSync(join(data, "token"), "utf8")).toBe(`${secret}\n`);
  expect(statSync(join(data, "token")).mode & 0o777).toBe(0o600);

  const tree = treeOf(home);
  const again = await run(install(bus.url));
  expect(again.code).toBe(0);
  expect(again.stdout.match(/^unchanged +\w+/gm)).toHaveLength(3);
  expect(treeOf(home)).toEqual(tree);

  const installed = join(home, ".local/bin/agent-event-bus");
  const sessions = Bun.spawnSync([installed, "sessions", "--json"], { env: { HOME: home } });
  expect(sessions.stdout.toString()).toBe("[]\n");
  const gone = Bun.spawnSync([installed, "uninstall"], { env: { HOME: home, PATH: "/usr/bin:/bin" } });
  expect(`${gone.stderr}`).toBe("");
  expect(gone.exitCode).toBe(0);
  const left = treeOf(home, [".claude/contrib"]);
  expect(left).toEqual(before);
  expect(existsSync(join(data, "token"))).toBe(false);
}, 60_000);

test("another token takes the place of the one that is kept, in settings.env too", async () => {
  const { data, run, put } = newcomer();
  const [first, second] = [token("first"), token("second")];
  put(".claude/contrib/agent-event-bus/settings.env", `# mine\nAGENT_EVENT_BUS_TOKEN=${first}\n`, 0o600);
  expect((await run(install(bus.url, "--token", second, "--no-hooks", "--no-mcp"))).code).toBe(0);
  expect(readFileSync(join(data, "settings.env"), "utf8")).toBe(`# mine\nAGENT_EVENT_BUS_URL=${bus.url}\n`);
  expect(readFileSync(join(data, "token"), "utf8")).toBe(`${second}\n`);
});

type Refused = [
  what: string,
  /** Prepares HOME; the arguments after `--url`. */
  given: (here: ReturnType<typeof newcomer>) => string[] | Promise<string[]>,
  says: RegExp,
  code?: number,
];

const settings = ".claude/settings.json";
const refusals: Refused[] = [
  [
    "a port where nobody listens",
    async () => [await formerUrl()],
    /^Nobody listens at 127\.0\.0\.1:\d+\. Start the bus with: agent-event-bus restart$/,
  ],
  [
    "an unknown machine",
    () => ["http://no-such-machine.invalid/mcp"],
    /^No machine is called "no-such-machine\.invalid": its address was not found\. Check the name in the URL\.$/,
  ],
  [
    "a stranger",
    () => [startAnswering(() => new Response("hello")).url],
    /^What answers at http:\/\/127\.0\.0\.1:\d+\/mcp is no agent-event-bus \(HTTP 200: hello\)\. Check the URL\.$/,
  ],
  [
    "a wrong path",
    () => [bus.url.replace("/mcp", "/mpc"), "--token", token("path")],
    /takes no calls there: .*Check that the URL ends in \/mcp\.$/,
  ],
  [
    "no token",
    () => [bus.url],
    /did not let this machine in\. This bus wants a token .* Then give it here with --token\.$/,
  ],
  [
    "a wrong token",
    () => [bus.url, "--token", "aeb_wrong"],
    /did not let this machine in\. The token is not one of this bus; make one on the bus's machine with: agent-event-bus token create --name NAME\. Then give it here with --token\.$/,
  ],
  [
    "an expired token",
    () => [bus.url, "--token", token("old", "full", 1)],
    /The token old expired at \d{4}-.*; make one /,
  ],
  [
    "a wrong token that is kept",
    ({ put }) => {
      put(".claude/contrib/agent-event-bus/token", "aeb_wrong\n", 0o600);
      return [bus.url];
    },
    /The token sent was the one kept in .*\/\.claude\/contrib\/agent-event-bus\/token\.$/,
  ],
  [
    "a kept token that others can read",
    ({ put }) => {
      put(".claude/contrib/agent-event-bus/token", "aeb_wrong\n", 0o644);
      return [bus.url];
    },
    /can be read by other users of this machine\. Run: chmod 600 /,
    2,
  ],
  [
    "a token that only publishes",
    () => [bus.url, "--token", token("ci", "publish")],
    /^The token is not enough for a session: the token ci has the scope publish, .* Make one with --scope full on the bus's machine/,
  ],
  [
    "a token that only reads",
    () => [bus.url, "--token", token("eye", "read")],
    /^The token is not enough for a session: the token eye has the scope read, /,
  ],
  [
    "the Python original",
    () => [startAnswering(() => Response.json({ status: "ok", service: "agent-event-bus" })).url],
    /^The bus at http:\S+ is the Python original, which is too old for this client\. Replace it there with: agent-event-bus install server$/,
  ],
  [
    "a bus without what hooks call",
    () => [startOlder(bus.url, ["collect_events"]), "--token", token("older")],
    /^The bus at http:\S+ \(version 0\.0\.1\) is too old for the hooks of this version \(\S+\): .*collect_events.* Update it there, or install with --no-hooks\.$/,
  ],
  [
    "settings that are no JSON",
    ({ put }) => {
      put(settings, '{\n  "model": "opus",,\n}');
      return [bus.url, "--token", token("json")];
    },
    /settings\.json is not JSON: Property name expected at line 2, column 20\. Put it right first\.$/,
  ],
  [
    "settings whose hooks are no object",
    ({ put }) => {
      put(settings, '{ "hooks": [] }');
      return [bus.url, "--token", token("odd")];
    },
    /settings\.json, line 1, column 12: "hooks" is an array where an object is expected\. Put it right first\.$/,
  ],
  [
    "a broken file of Claude Code",
    ({ put }) => {
      put(".claude.json", "{");
      return [bus.url, "--token", token("own")];
    },
    /\.claude\.json, Claude Code's own file, is not JSON\. Put it right first\.$/,
  ],
  [
    "a broken settings.env",
    ({ put }) => {
      put(".claude/contrib/agent-event-bus/settings.env", "PORT 8080\n", 0o600);
      return [bus.url, "--token", token("env")];
    },
    /settings\.env, line 1: "PORT 8080" is not KEY=VALUE\.$/,
    2,
  ],
  [
    "no URL of the web",
    () => ["my-server:8080"],
    /^"my-server:8080" is not a bus URL\. Give one like http:/,
    2,
  ],
  [
    "a URL with a password",
    () => ["http://me:secret@my-server:8080/mcp"],
    /^The URL http:\S+ holds more than the way to a bus\.\nGive it like /,
    2,
  ],
  ["an empty token", () => [bus.url, "--token", " "], /^The token is empty\.\n/, 2],
];

test.each(refusals)("%s: a sentence, and nothing is changed", async (_what, given, says, code = 1) => {
  const here = newcomer();
  const args = await given(here);
  const before = treeOf(here.home);
  const { stdout, stderr, code: ended } = await here.run(install(args[0] ?? "", ...args.slice(1)));
  expect(stderr.replace(/^agent-event-bus: /, "").trimEnd()).toMatch(says);
  expect({ stdout, code: ended }).toEqual({ stdout: "", code });
  expect(treeOf(here.home)).toEqual(before);
});

test("an older bus that has what it takes is used, with a note", async () => {
  const { run } = newcomer();
  const { stdout, code } = await run(install(startOlder(bus.url, []), "--token", token("fine"), "--no-mcp"));
  expect(code).toBe(0);
  expect(stdout).toContain(
    `has version 0.0.1, this client ${version}. They work together; update the older one when you can.`,
  );
});

test("without hooks a token that reads is enough", async () => {
  const { run, data } = newcomer();
  const reads = token("reader", "read");
  expect((await run(install(bus.url, "--token", reads, "--no-hooks", "--no-mcp", "--dry-run"))).code).toBe(0);
  expect(existsSync(data)).toBe(false);
});

test("hooks that are switched off are told", async () => {
  const { run, put, home } = newcomer();
  put(settings, '{ "disableAllHooks": true }');
  const { stdout, code } = await run(install(bus.url, "--token", token("off"), "--no-mcp"));
  expect(code).toBe(0);
  expect(stdout).toContain(
    `Claude Code runs no hooks as long as there is disableAllHooks in ${home}/${settings}: take it out`,
  );
});

test("from the sources nothing is installed", async () => {
  const { home } = newcomer();
  const { stderr, code } = await cli(install(bus.url), { env: { HOME: home } });
  expect(stderr).toContain("This runs from the sources");
  expect(code).toBe(1);
});

if (!canMount) console.log("skipped: a read-only HOME, unshare -rm cannot mount here");

test.skipIf(!canMount)("a read-only HOME: a sentence, and nothing is changed", async () => {
  const { home, run } = newcomer();
  const before = treeOf(home);
  const { stdout, stderr, code } = await run(install(bus.url, "--token", token("ro")), {
    inside: readOnly(home),
    cwd: "/",
  });
  expect(stderr).toBe(
    `agent-event-bus: ${home} cannot be changed: it is on a read-only file system. Make it writable, then run this again.\n`,
  );
  expect({ stdout, code }).toEqual({ stdout: "", code: 1 });
  expect(treeOf(home)).toEqual(before);
});

describe("when Claude Code's command fails", () => {
  const claudeThat = (script: string) => {
    const here = newcomer();
    chmodSync(here.put("bin/claude", `#!/bin/sh\n${script}\n`), 0o755);
    return {
      ...here,
      run: (args: string[]) => here.run(args, { env: { PATH: `${here.home}/bin:/usr/bin:/bin` } }),
    };
  };

  test.each([
    [
      "with a code",
      "echo 'no such scope' >&2; exit 3",
      /mcp: \S+\/claude mcp add failed with exit code 3: no such scope Everything was put back as it was\./,
    ],
    [
      "without doing it",
      "exit 0",
      /mcp: \S+\/claude mcp add said that all is well, but \S+\/\.claude\.json does not have it\. Everything was put back/,
    ],
  ])("%s, everything is put back", async (_how, script, says) => {
    const { home, run, put } = claudeThat(script);
    put(settings, '{ "model": "opus" }');
    const before = treeOf(home);
    const { stderr, code } = await run(
      install(bus.url, "--token", token(`fails-${_how.replaceAll(" ", "-")}`)),
    );
    expect(stderr).toMatch(says);
    expect(code).toBe(1);
    expect(treeOf(home)).toEqual(before);
  });
});
