import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { version } from "../../src/config/client.ts";
import { startOlder } from "../support/answering.ts";
import { cli } from "../support/cli.ts";
import { canMount } from "../support/disk.ts";
import { removeFolders } from "../support/folder.ts";
import { newcomer, readOnly } from "../support/newcomer.ts";
import { startTokenBus, type TokenBus } from "../support/token_bus.ts";
import { treeOf } from "../support/tree.ts";

let bus: TokenBus;

beforeAll(async () => {
  bus = await startTokenBus();
});

afterAll(async () => {
  await bus.kill();
  removeFolders();
});

const settings = ".claude/settings.json";
const install = (url: string, ...more: string[]) => ["install", "client", "--url", url, ...more];

test("a client is installed, a second time nothing changes, and it is removed without a trace but its data", async () => {
  const { home, data, run, put } = newcomer();
  put(".claude/settings.json", '{ "model": "opus" }\n');
  const before = treeOf(home);
  const secret = bus.token("laptop");

  const would = await run(install(bus.url, "--token", secret, "--dry-run"));
  expect(would).toMatchObject({ code: 0, stderr: "" });
  expect(would.stdout.match(/^would do +\w+/gm)).toHaveLength(5);
  expect(treeOf(home)).toEqual(before);

  const done = await run(install(bus.url, "--token", "-"), { stdin: `${secret}\n` });
  expect(done).toMatchObject({ code: 0, stderr: "" });
  const words = (state: string) =>
    [...done.stdout.matchAll(new RegExp(`^${state} +(\\w+)`, "gm"))].map(([, what]) => what);
  expect(words("done")).toEqual(["binary", "settings", "token", "hooks", "allow"]);
  expect(words("skipped")).toEqual(["mcp"]);
  expect(done.stdout).toContain(
    `run: claude mcp add --transport http --scope user agent-event-bus ${bus.url} --header "Authorization: Bearer $(cat ${data}/token)"`,
  );
  expect(done.stdout).toContain(`To check that it works: ${home}/.local/bin/agent-event-bus doctor\n`);
  expect(would.stdout + done.stdout).not.toContain(secret);
  expect(readFileSync(join(data, "settings.env"), "utf8")).toBe(`AGENT_EVENT_BUS_URL=${bus.url}\n`);
  expect(readFileSync(join(data, "token"), "utf8")).toBe(`${secret}\n`);
  expect(statSync(join(data, "token")).mode & 0o777).toBe(0o600);

  const tree = treeOf(home);
  const again = await run(install(bus.url));
  expect(again.code).toBe(0);
  expect(again.stdout.match(/^unchanged +\w+/gm)).toHaveLength(5);
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
  const [first, second] = [bus.token("first"), bus.token("second")];
  put(".claude/contrib/agent-event-bus/settings.env", `# mine\nAGENT_EVENT_BUS_TOKEN=${first}\n`, 0o600);
  expect((await run(install(bus.url, "--token", second, "--no-hooks", "--no-mcp"))).code).toBe(0);
  expect(readFileSync(join(data, "settings.env"), "utf8")).toBe(`# mine\nAGENT_EVENT_BUS_URL=${bus.url}\n`);
  expect(readFileSync(join(data, "token"), "utf8")).toBe(`${second}\n`);
});

test("an older bus that has what it takes is used, with a note", async () => {
  const { run } = newcomer();
  const { stdout, code } = await run(
    install(startOlder(bus.url, []), "--token", bus.token("fine"), "--no-mcp"),
  );
  expect(code).toBe(0);
  expect(stdout).toContain(
    `has version 0.0.1, this client ${version}. Both work together. Update the older one when you can.`,
  );
});

test("without hooks a token that reads is enough", async () => {
  const { run, data } = newcomer();
  const reads = bus.token("reader", "read");
  expect((await run(install(bus.url, "--token", reads, "--no-hooks", "--no-mcp", "--dry-run"))).code).toBe(0);
  expect(existsSync(data)).toBe(false);
});

test("hooks that are switched off are told", async () => {
  const { run, put, home } = newcomer();
  put(settings, '{ "disableAllHooks": true }');
  const { stdout, code } = await run(install(bus.url, "--token", bus.token("off"), "--no-mcp"));
  expect(code).toBe(0);
  expect(stdout).toContain(
    `Claude Code does not run hooks because of disableAllHooks in ${home}/${settings}. Remove it`,
  );
});

test("from the sources nothing is installed", async () => {
  const { home } = newcomer();
  const { stderr, code } = await cli(install(bus.url), { env: { HOME: home }, kind: "source" });
  expect(stderr).toContain("This runs from the sources");
  expect(code).toBe(1);
});

if (!canMount) console.log("skipped: a read-only HOME, unshare -rm cannot mount here");

test.skipIf(!canMount)("a read-only HOME: a sentence, and nothing is changed", async () => {
  const { home, run } = newcomer();
  const before = treeOf(home);
  const { stdout, stderr, code } = await run(install(bus.url, "--token", bus.token("ro")), {
    inside: readOnly(home),
    cwd: "/",
  });
  expect(stderr).toBe(
    `agent-event-bus: ${home} cannot be changed: it is on a read-only file system. Make it writable, then run this again.\n`,
  );
  expect({ stdout, code }).toEqual({ stdout: "", code: 1 });
  expect(treeOf(home)).toEqual(before);
});

function claudeThat(script: string) {
  const here = newcomer();
  chmodSync(here.put("bin/claude", `#!/bin/sh\n${script}\n`), 0o755);
  return {
    ...here,
    run: (args: string[]) => here.run(args, { env: { PATH: `${here.home}/bin:/usr/bin:/bin` } }),
  };
}

const STORES = `
echo "$*" >> "$HOME/calls"
[ "$2" = add-json ] || exit 0
if [ "$6" = - ]; then EXPECTED; json=$(cat); else json=$6; fi
echo "{\\"mcpServers\\":{\\"agent-event-bus\\":$json}}" > "$HOME/.claude.json"`;

test.each([
  [
    "the token stands in no command line of Claude Code's",
    "true",
    /^--version\nmcp add-json --scope user agent-event-bus -\n$/,
  ],
  [
    "an older Claude Code, which reads no stdin, gets the token too",
    "exit 1",
    / -\n.* agent-event-bus \{"type":"http".*\}\n$/,
  ],
])("%s", async (name, whenAsked, calls) => {
  const { home, run } = claudeThat(STORES.replace("EXPECTED", whenAsked));
  const token = bus.token(name.startsWith("an older") ? "older" : "newer");
  expect(await run(install(bus.url, "--token", token))).toMatchObject({ code: 0, stderr: "" });
  expect(readFileSync(join(home, "calls"), "utf8")).toMatch(calls);
  const entry = JSON.parse(readFileSync(join(home, ".claude.json"), "utf8")).mcpServers["agent-event-bus"];
  expect(entry).toEqual({ type: "http", url: bus.url, headers: { Authorization: `Bearer ${token}` } });
});

describe("when Claude Code's command fails", () => {
  test.each([
    [
      "with a code",
      "echo 'no such scope' >&2; exit 3",
      /mcp: \S+\/claude mcp add-json failed with exit code 3: no such scope\. All changes were undone\./,
    ],
    [
      "without doing it",
      "exit 0",
      /mcp: \S+\/claude reported success, but \S+\/\.claude\.json does not have it\. All changes were undone/,
    ],
  ])("%s, everything is put back", async (how, script, says) => {
    const { home, run, put } = claudeThat(script);
    put(settings, '{ "model": "opus" }');
    const before = treeOf(home);
    const { stderr, code } = await run(
      install(bus.url, "--token", bus.token(`fails-${how.replaceAll(" ", "-")}`)),
    );
    expect(stderr).toMatch(says);
    expect(code).toBe(1);
    expect(treeOf(home)).toEqual(before);
  });
});
