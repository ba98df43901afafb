import { expect } from "bun:test";
import { chmodSync, existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parse } from "jsonc-parser";
import { hooksOf } from "../../src/install/hook_entries.ts";
import { openTokens } from "../../src/tokens/token_files.ts";
import { type ProcessBus, root, startBus } from "../support/bus.ts";
import { tempFolder } from "../support/folder.ts";
import { DATA } from "../support/home.ts";
import { newcomer } from "../support/newcomer.ts";
import { treeOf } from "../support/tree.ts";
import { makePatient } from "./client.ts";
import { newClient, TIMEOUT_MS, testWithClaude } from "./converse.ts";
import { startTalker } from "./talker.ts";

const SETTINGS = ".claude/settings.json";
const installed = (home: string) => join(home, ".local/bin/agent-event-bus");

/** A person who has Claude Code, and these settings in it. */
function person(settings: string, modelUrl?: string) {
  const here = newcomer();
  const client = newClient(modelUrl, here.home);
  here.put(SETTINGS, settings);
  const env = { ...client.env, PATH: `${here.home}/bin:${dirname(client.file)}:/usr/bin:/bin` };
  const run = (...args: string[]) => here.run(args, { env });
  const uninstall = () => Bun.spawnSync([installed(here.home), "uninstall"], { env });
  return { ...here, client, run, uninstall, settings: () => readFileSync(join(here.home, SETTINGS), "utf8") };
}

const CONNECTED = (url: string) => `agent-event-bus: ${url} (HTTP) - ✔ Connected`;

async function registered(bus: ProcessBus): Promise<number> {
  const { events } = await bus.call("get_events", { limit: 100, event_types: ["session_registered"] });
  return events.length;
}

testWithClaude(
  "installed, Claude Code is connected and runs our hooks beside the person's; uninstalled, its settings are what they were",
  async () => {
    const bus = await startBus("binary");
    const model = startTalker();
    const own = `{ "odd key": [1.50, {}],\n  "hooks": { "Stop": [ { "hooks": [{"type":"command","command":"touch \\"$HOME/mine\\""}] } ] },\n   "includeCoAuthoredBy": false }\n`;
    const { home, client, run, uninstall, settings } = person(own, model.url);

    const done = await run("install", "client", "--url", bus.url, "--hooks-only");
    expect(done).toMatchObject({ code: 0, stderr: "" });
    expect(done.stdout.match(/^done +\w+/gm)).toHaveLength(6);
    expect(await client.run("mcp", "list")).toContain(CONNECTED(bus.url));
    const { hooks, permissions, ...others } = JSON.parse(settings());
    expect(permissions.allow).toContain("mcp__agent-event-bus__publish_event");
    expect(others).toEqual({ "odd key": [1.5, {}], includeCoAuthoredBy: false });
    const { Stop, ...ours } = hooksOf(installed(home));
    expect(hooks).toEqual({ ...ours, Stop: [...JSON.parse(own).hooks.Stop, ...(Stop ?? [])] });

    const before = treeOf(home, [".claude.json"]);
    const again = await run("install", "client", "--url", bus.url, "--hooks-only");
    expect(again.stdout.match(/^unchanged +\w+/gm)).toHaveLength(6);
    expect(treeOf(home, [".claude.json"])).toEqual(before);

    makePatient(home);
    expect(await client.run("-p", "hello")).toBe("done\n");
    expect(await registered(bus)).toBe(1);
    expect(existsSync(join(home, "mine"))).toBe(true);
    model.stop();

    expect(uninstall()).toMatchObject({ exitCode: 0 });
    expect(settings()).toBe(own);
    expect(await client.run("mcp", "list")).not.toContain("agent-event-bus");
    expect(existsSync(join(home, ".local"))).toBe(false);
    expect(uninstall).toThrow();
  },
  TIMEOUT_MS,
);

testWithClaude(
  "the plugin is loaded by Claude Code, which finds nothing wrong with it; hooks take its place, and it goes without a trace",
  async () => {
    const bus = await startBus("binary");
    const model = startTalker();
    const own = '{ "includeCoAuthoredBy": false }\n';
    const { home, client, run, uninstall, settings } = person(own, model.url);
    const list = () => client.run("plugin", "list");
    const install = (...more: string[]) => run("install", "client", "--url", bus.url, ...more);

    expect((await install()).stdout).toMatch(/^done +plugin +the plugin of Claude Code, in /m);
    expect(await list()).toMatch(/agent-event-bus@skills-dir[\s\S]*Status: ✔ loaded/);
    const plugin = join(home, ".claude/skills/agent-event-bus");
    expect(await client.run("plugin", "validate", plugin)).toContain("Validation passed");
    expect(JSON.parse(settings()).hooks).toBeUndefined();
    expect(await client.run("mcp", "list")).toContain(CONNECTED(bus.url));
    makePatient(home);
    expect(await client.run("-p", "hello")).toBe("done\n");
    expect(await registered(bus)).toBe(1);
    model.stop();

    // Its files are put right again.
    expect((await install()).stdout).toMatch(/^done +plugin/m);
    expect((await install()).stdout).not.toMatch(/^done/m);
    // The person's own switch is respected.
    await client.run("plugin", "disable", "agent-event-bus@skills-dir");
    const switchedOff = await install();
    expect(switchedOff.stdout).toMatch(/^done +plugin +not used, because enabledPlugins in \S+ forbids it/m);
    expect(await list()).not.toContain("agent-event-bus");
    expect(JSON.parse(settings()).hooks.SessionEnd).toEqual(hooksOf(installed(home)).SessionEnd);
    expect(uninstall()).toMatchObject({ exitCode: 0 });
    expect(existsSync(join(home, ".claude/skills"))).toBe(false);
    expect(JSON.parse(settings())).toEqual({
      includeCoAuthoredBy: false,
      enabledPlugins: { "agent-event-bus@skills-dir": false },
    });
  },
  TIMEOUT_MS,
);

testWithClaude(
  "our plugin from a marketplace gives way to the one that is installed",
  async () => {
    const bus = await startBus("binary");
    const { client, run } = person("{}");
    const clone = join(tempFolder(), "agent-event-bus");
    expect(Bun.spawnSync(["git", "clone", "--quiet", root, clone]).success).toBe(true);
    await client.run("plugin", "marketplace", "add", clone);
    await client.run("plugin", "install", "agent-event-bus@agent-event-bus");
    const done = await run("install", "client", "--url", bus.url);
    expect(done).toMatchObject({ code: 0, stderr: "" });
    expect(done.stdout).toMatch(/^done +plugin .*, in place of agent-event-bus@agent-event-bus/m);
    const listed = await client.run("plugin", "list");
    expect(listed).toMatch(/agent-event-bus@skills-dir[\s\S]*Status: ✔ loaded/);
    expect(listed).not.toContain("agent-event-bus@agent-event-bus");
    expect(await client.run("mcp", "list")).not.toContain("plugin:agent-event-bus");
  },
  TIMEOUT_MS,
);

testWithClaude(
  "a server's settings with comments keep them, with a warning, and a former registration is replaced",
  async () => {
    const bus = await startBus("binary");
    const own =
      '{\n\t// mine\n\t"model": "opus", /* best */\n\t"hooks": {\n\t\t"Stop": [], // none\n\t},\n}\n';
    const { home, client, run, uninstall, settings } = person(own);
    await client.add("http://127.0.0.1:9/mcp", "old");

    const server = ["install", "server", "--no-service", "--hooks-only"];
    const done = await run(...server, "--port", String(bus.port));
    expect(done).toMatchObject({ code: 0, stderr: "" });
    expect(done.stdout).toContain("Claude Code ignores all of");
    expect(await client.run("mcp", "list")).toContain(CONNECTED(bus.url));
    for (const kept of ["\t// mine\n", '"model": "opus", /* best */\n', "// none\n"])
      expect(settings()).toContain(kept);
    expect(parse(settings())).toMatchObject({ model: "opus", hooks: hooksOf(installed(home)) });
    expect(await run(...server)).toMatchObject({
      ...{ code: 0, stdout: expect.stringMatching(/unchanged +mcp/) },
    });

    expect(uninstall()).toMatchObject({ exitCode: 0 });
    expect(settings()).toBe(own);
  },
  TIMEOUT_MS,
);

testWithClaude(
  "the token goes into the registration, another one replaces it, and one that cannot be put there leaves the former",
  async () => {
    const folder = tempFolder();
    const tokens = openTokens(join(folder, "data.db"), Date.now);
    const token = (name: string) => String(tokens.create(name, "full", null)?.secret);
    const bus = await startBus("binary", { folder, env: { AGENT_EVENT_BUS_REQUIRE_TOKEN: "1" } });
    const { home, client, run, put } = person("{}");
    const install = (secret: string) =>
      run("install", "client", "--url", bus.url, "--no-hooks", "--token", secret);
    const header = () =>
      JSON.parse(readFileSync(join(home, ".claude.json"), "utf8")).mcpServers["agent-event-bus"].headers;
    const secrets = [token("first"), token("second"), token("third")] as const;
    for (const secret of secrets.slice(0, 2)) {
      expect(await install(secret)).toMatchObject({ code: 0, stdout: expect.stringMatching(/done +mcp/) });
      expect(header()).toEqual({ Authorization: `Bearer ${secret}` });
    }
    expect(await client.run("mcp", "list")).toContain(CONNECTED(bus.url));

    const unwilling = `
if [ "$2" = add-json ]; then
  json=$6; [ "$json" = - ] && json=$(cat)
  case $json in *${secrets[2]}*) echo "not today" >&2; exit 3 ;; esac
  printf %s "$json" | exec '${client.file}' mcp add-json --scope user "$5" -
fi
exec '${client.file}' "$@"`;
    chmodSync(put("bin/claude", `#!/bin/sh${unwilling}\n`), 0o755);
    const book = join(home, DATA, "install.json");
    const known = readFileSync(book, "utf8");
    const settings = readFileSync(join(home, SETTINGS), "utf8");
    expect(JSON.parse(settings).hooks).toBeUndefined();
    const before = treeOf(join(home, DATA), ["install.json"]);
    const failed = await run("install", "client", "--url", bus.url, "--token", secrets[2]);
    expect(failed.stderr).toContain(
      "mcp add-json failed with exit code 3: not today. All changes were undone.",
    );
    expect(failed.code).toBe(1);
    expect(header()).toEqual({ Authorization: `Bearer ${secrets[1]}` });
    expect(treeOf(join(home, DATA), ["install.json"])).toEqual(before);
    expect(readFileSync(book, "utf8")).toBe(known);
    expect(readFileSync(join(home, SETTINGS), "utf8")).toBe(settings);
  },
  TIMEOUT_MS,
);
