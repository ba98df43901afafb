// Settings that make Claude Code deaf although everything of the bus is in place.
import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { allow, clientProxy, hooks, policy } from "../../src/install/checks/claude.ts";
import { type Place, placeOf } from "../../src/install/checks/facts.ts";
import type { Check } from "../../src/install/checks/finding.ts";
import { lookAtHooks } from "../../src/install/hooks.ts";
import { BINARY, place } from "../support/claude_settings.ts";

const URL = "http://127.0.0.1:8080/mcp";

interface Prepared {
  /** Files in the home, in its project and of the administrator. */
  files?: Record<string, object>;
  env?: Record<string, string>;
  url?: string;
}

const USER = ".claude/settings.json";
const PROJECT = "project/.claude/settings.json";
const LOCAL = "project/.claude/settings.local.json";
const MANAGED = "etc/managed-settings.json";
const DROP_IN = "etc/managed-settings.d/10-hooks.json";
const SERVERS = "etc/managed-mcp.json";

/** Looks from the project's folder. */
async function looked(check: Check, { files = {}, env = {}, url = URL }: Prepared) {
  const here = place("{}");
  await here.install();
  const { home, held } = here;
  for (const [name, content] of Object.entries(files)) {
    const file = join(home, name);
    mkdirSync(dirname(file), { recursive: true });
    const own = name === USER ? JSON.parse(held()) : {};
    writeFileSync(file, JSON.stringify({ ...own, ...content }));
  }
  mkdirSync(join(home, "project"), { recursive: true });
  const claude = { ...here.config.claude, managed: [join(home, MANAGED)] };
  const config = { ...here.config, claude, env, path: [] };
  const before = process.cwd();
  process.chdir(join(home, "project"));
  try {
    const found = await check.look({
      ...placeOf(),
      ...{ config, url, install: "INSTALL", leftOut: () => false },
      hooks: () => lookAtHooks(config, BINARY),
      fittingHooks: async () => lookAtHooks(config, BINARY),
      registration: () => ({ url, token: undefined }),
    } as Place);
    return JSON.parse(JSON.stringify(found ?? null).replaceAll(home, "HOME"));
  } finally {
    process.chdir(before);
  }
}

const server = (url: string) => ({ mcpServers: { other: { type: "http", url } } });
const ADMINISTRATOR = "ask the administrator of this machine to change HOME/";
const EDITOR = `"\${EDITOR:-vi}" HOME/`;

type Row = [what: string, check: Check, prepared: Prepared, found: string, repair: string];

/** A setting in one file, whose author has to change it. */
function inFile(what: string, check: Check, file: string, settings: object, found: string): Row {
  const repair = (file.startsWith("etc/") ? ADMINISTRATOR : EDITOR) + file;
  return [what, check, { files: { [file]: settings } }, found.replace("FILE", `HOME/${file}`), repair];
}

const off = (what: string, file: string, setting = "disableAllHooks") =>
  inFile(what, hooks, file, { [setting]: true }, `switched off by ${setting} in FILE`);

const onlyAllowed = (what: string, file: string, ...allowedMcpServers: object[]) =>
  inFile(what, policy, file, { allowedMcpServers }, "allowedMcpServers in FILE does not name the bus");

const denied = (what: string, file: string, ...deniedMcpServers: object[]) =>
  inFile(what, policy, file, { deniedMcpServers }, "deniedMcpServers in FILE names the bus");

const proxied = (what: string, file: string, name: string) =>
  inFile(what, clientProxy, file, { env: { [name]: "http://p" } }, `the proxy in ${name} (FILE)`);

const DEAF: readonly Row[] = [
  off("disableAllHooks of the user", USER),
  off("disableAllHooks of the project", PROJECT),
  off("disableAllHooks of the user in this project", LOCAL),
  off("disableAllHooks of the administrator", MANAGED),
  off("disableAllHooks in a drop-in of the administrator", DROP_IN),
  off("allowManagedHooksOnly", MANAGED, "allowManagedHooksOnly"),
  off("allowManagedHooksOnly in a drop-in", DROP_IN, "allowManagedHooksOnly"),
  inFile(
    "managed-mcp.json without the bus",
    policy,
    SERVERS,
    server("http://other/mcp"),
    "only uses the MCP servers in FILE",
  ),
  onlyAllowed("allowedMcpServers of the administrator", MANAGED, { serverName: "x" }),
  onlyAllowed("allowedMcpServers in a drop-in", DROP_IN),
  onlyAllowed(
    "allowedMcpServers with its name but other URLs",
    MANAGED,
    { serverUrl: "https://x/*" },
    { serverName: "agent-event-bus" },
  ),
  onlyAllowed("allowedMcpServers of the user", USER, { serverName: "x" }),
  denied("deniedMcpServers by name", LOCAL, { serverName: "agent-event-bus" }),
  denied("deniedMcpServers by URL", DROP_IN, { serverUrl: "http://127.0.0.1:*/*" }),
  [
    "HTTP_PROXY in the environment",
    clientProxy,
    { env: { HTTP_PROXY: "http://p" } },
    "through the proxy in HTTP_PROXY (the environment)",
    "export NO_PROXY=127.0.0.1",
  ],
  [
    "HTTPS_PROXY and a NO_PROXY of others",
    clientProxy,
    { env: { HTTPS_PROXY: "http://p", NO_PROXY: "a.example" } },
    "through the proxy in HTTPS_PROXY (the environment)",
    "export NO_PROXY=a.example,127.0.0.1",
  ],
  proxied("HTTP_PROXY in the user's settings", USER, "HTTP_PROXY"),
  proxied("HTTPS_PROXY in the administrator's settings", MANAGED, "HTTPS_PROXY"),
];

test.each(DEAF)("%s is a problem", async (_what, check, prepared, found, repair) => {
  expect(await looked(check, prepared)).toMatchObject({
    what: check.what,
    state: "bad",
    found: expect.stringContaining(found),
    repair,
  });
});

const WELL: readonly [what: string, check: Check, prepared: Prepared][] = [
  ["nothing of all this", policy, {}],
  [
    "an administrator's servers with the bus by name",
    policy,
    { files: { [SERVERS]: { mcpServers: { "agent-event-bus": {} } } } },
  ],
  [
    "an administrator's servers with the bus by URL",
    policy,
    { files: { [SERVERS]: server("http://localhost:8080/mcp") } },
  ],
  [
    "a list that allows its name",
    policy,
    { files: { [MANAGED]: { allowedMcpServers: [{ serverName: "agent-event-bus" }] } } },
  ],
  [
    "a list that allows its URL",
    policy,
    { files: { [MANAGED]: { allowedMcpServers: [{ serverUrl: "http://127.0.0.1:8080/*" }] } } },
  ],
  [
    "a list that denies others",
    policy,
    {
      files: { [MANAGED]: { deniedMcpServers: [{ serverName: "x" }, { serverUrl: "http://127.0.0.1/*" }] } },
    },
  ],
  ["no proxy", clientProxy, {}],
  [
    "a proxy with NO_PROXY for the bus",
    clientProxy,
    { env: { HTTP_PROXY: "http://p", no_proxy: "localhost, 127.0.0.1" } },
  ],
  [
    "a proxy with NO_PROXY in the settings",
    clientProxy,
    { env: { HTTP_PROXY: "http://p" }, files: { [USER]: { env: { NO_PROXY: "*" } } } },
  ],
];

test.each(WELL)("%s is none", async (_what, check, prepared) => {
  expect(await looked(check, prepared)).toBeNull();
});

test("hooks that others' settings leave alone are well, and a project's false switches nothing off", async () => {
  const files = { [PROJECT]: { disableAllHooks: false, allowManagedHooksOnly: true } };
  expect(await looked(hooks, { files })).toMatchObject({ state: "ok" });
});

test("a proxy before a bus elsewhere may be the only way: a note", async () => {
  const found = await looked(clientProxy, { url: "http://srv:8080/mcp", env: { HTTP_PROXY: "http://p" } });
  expect(found).toMatchObject({ state: "note", found: expect.stringContaining("connects to srv") });
});

test("tools that ask their user first are noted, with what allows them", async () => {
  expect(await looked(allow, {})).toMatchObject({
    state: "note",
    found: expect.stringMatching(
      /asks you before a session first calls 11 tools of the bus\. To allow them: INSTALL/,
    ),
  });
  const files = { [USER]: { permissions: { allow: ["mcp__agent-event-bus"] } } };
  expect(await looked(allow, { files })).toMatchObject({ state: "ok" });
});
