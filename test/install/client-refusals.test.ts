import { afterAll, beforeAll, expect, test } from "bun:test";
import { formerUrl, startAnswering, startOlder } from "../support/answering.ts";
import { removeFolders } from "../support/folder.ts";
import { newcomer } from "../support/newcomer.ts";
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

const install = (url: string, ...more: string[]) => ["install", "client", "--url", url, ...more];

type Refused = [
  what: string,
  /** Prepares HOME. Returns the arguments after `--url`. */
  given: (here: ReturnType<typeof newcomer>) => string[] | Promise<string[]>,
  says: RegExp,
  code?: number,
];

const settings = ".claude/settings.json";
const refusals: Refused[] = [
  [
    "a port where nobody listens",
    async () => [await formerUrl()],
    /^Nothing is listening at 127\.0\.0\.1:\d+\. Start the bus with: agent-event-bus start$/,
  ],
  [
    "an unknown machine",
    () => ["http://no-such-machine.invalid/mcp"],
    /^The host name "no-such-machine\.invalid" was not found\. Check the name in the URL\.$/,
  ],
  [
    "a stranger",
    () => [startAnswering(() => new Response("hello")).url],
    /^The server at http:\/\/127\.0\.0\.1:\d+\/mcp is not an agent-event-bus \(HTTP 200: hello\)\. Check the URL\.$/,
  ],
  [
    "a wrong path",
    () => [bus.url.replace("/mcp", "/mpc"), "--token", bus.token("path")],
    /rejected the call: .*Check that the URL ends in \/mcp\.$/,
  ],
  [
    "no token",
    () => [bus.url],
    /did not let this machine in\. Requests from 127\.0\.0\.1 need a token .* Then pass it here with --token\.$/,
  ],
  [
    "a wrong token",
    () => [bus.url, "--token", "aeb_wrong"],
    /did not let this machine in\. This bus does not know the token. Create one on the bus's machine with: agent-event-bus token create --name NAME\. Then pass it here with --token\.$/,
  ],
  [
    "an expired token",
    () => [bus.url, "--token", bus.token("old", "full", 1)],
    /The token old expired at \d{4}-.*\. Create one /,
  ],
  [
    "a wrong token that is kept",
    ({ put }) => {
      put(".claude/contrib/agent-event-bus/token", "aeb_wrong\n", 0o600);
      return [bus.url];
    },
    /The token came from .*\/\.claude\/contrib\/agent-event-bus\/token\.$/,
  ],
  [
    "a kept token that others can read",
    ({ put }) => {
      put(".claude/contrib/agent-event-bus/token", "aeb_wrong\n", 0o644);
      return [bus.url];
    },
    /can be read by other users of this machine\. Run: chmod 600 /,
    78,
  ],
  [
    "a token that only publishes",
    () => [bus.url, "--token", bus.token("ci", "publish")],
    /^The token is not enough for a session\. The token ci has the scope publish, .* On the bus's machine, run: agent-event-bus token create --name NAME --scope full/,
  ],
  [
    "a token that only reads",
    () => [bus.url, "--token", bus.token("eye", "read")],
    /^The token is not enough for a session\. The token eye has the scope read, /,
  ],
  [
    "the Python original",
    () => [startAnswering(() => Response.json({ status: "ok", service: "agent-event-bus" })).url],
    /^The bus at http:\S+ is the Python original, which is too old for this client\. Replace it there with: agent-event-bus install server$/,
  ],
  [
    "a bus without what hooks call",
    () => [startOlder(bus.url, ["collect_events"]), "--token", bus.token("older")],
    /^The bus at http:\S+ \(version 0\.0\.1\) is too old for the hooks of this version \(\S+\): .*collect_events.* Update it there, or install with --no-hooks\.$/,
  ],
  [
    "settings that are no JSON",
    ({ put }) => {
      put(settings, '{\n  "model": "opus",,\n}');
      return [bus.url, "--token", bus.token("json")];
    },
    /settings\.json is not JSON: Property name expected at line 2, column 19\. Fix it first\.$/,
  ],
  [
    "settings whose hooks are no object",
    ({ put }) => {
      put(settings, '{ "hooks": [] }');
      return [bus.url, "--token", bus.token("odd")];
    },
    /settings\.json, line 1, column 12: "hooks" is an array where an object is expected\. Fix it first\.$/,
  ],
  [
    "a broken file of Claude Code",
    ({ put }) => {
      put(".claude.json", "{");
      return [bus.url, "--token", bus.token("own")];
    },
    /\.claude\.json, Claude Code's own file, is not JSON\. Fix it first\.$/,
  ],
  [
    "a broken settings.env",
    ({ put }) => {
      put(".claude/contrib/agent-event-bus/settings.env", "PORT 8080\n", 0o600);
      return [bus.url, "--token", bus.token("env")];
    },
    /settings\.env, line 1: "PORT 8080" is not KEY=VALUE\.$/,
    78,
  ],
  [
    "no URL of the web",
    () => ["my-server:8080"],
    /^"my-server:8080" is not a bus URL\. Give one like http:/,
    64,
  ],
  [
    "a URL with a password",
    () => ["http://me:secret@my-server:8080/mcp"],
    /^The URL http:\S+ contains more than the address of a bus\.\nWrite it like /,
    64,
  ],
  ["an empty token", () => [bus.url, "--token", " "], /^The token is empty\.\n/, 64],
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
