import { expect } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parse } from "jsonc-parser";
import { hooksOf } from "../../src/install/hook_entries.ts";
import { type ProcessBus, startBus } from "../support/bus.ts";
import { newcomer } from "../support/newcomer.ts";
import { treeOf } from "../support/tree.ts";
import { newClient, TIMEOUT_MS, testWithClaude } from "./converse.ts";
import { startTalker } from "./talker.ts";

const SETTINGS = ".claude/settings.json";
const installed = (home: string) => join(home, ".local/bin/agent-event-bus");

/** A person who has Claude Code, and these settings in it. */
function person(settings: string, modelUrl?: string) {
  const here = newcomer();
  const client = newClient(modelUrl, here.home);
  here.put(SETTINGS, settings);
  const env = { ...client.env, PATH: `${dirname(client.file)}:/usr/bin:/bin` };
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

    const done = await run("install", "client", "--url", bus.url);
    expect(done).toMatchObject({ code: 0, stderr: "" });
    expect(done.stdout.match(/^done +\w+/gm)).toHaveLength(4);
    expect(await client.run("mcp", "list")).toContain(CONNECTED(bus.url));
    const { hooks, ...others } = JSON.parse(settings());
    expect(others).toEqual({ "odd key": [1.5, {}], includeCoAuthoredBy: false });
    const { Stop, ...ours } = hooksOf(installed(home));
    expect(hooks).toEqual({ ...ours, Stop: [...JSON.parse(own).hooks.Stop, ...(Stop ?? [])] });

    const before = treeOf(home, [".claude.json"]);
    const again = await run("install", "client", "--url", bus.url);
    expect(again.stdout.match(/^unchanged +\w+/gm)).toHaveLength(4);
    expect(treeOf(home, [".claude.json"])).toEqual(before);

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
  "a server's settings with comments keep them, with a warning, and a former registration is replaced",
  async () => {
    const bus = await startBus("binary");
    const own =
      '{\n\t// mine\n\t"model": "opus", /* best */\n\t"hooks": {\n\t\t"Stop": [], // none\n\t},\n}\n';
    const { home, client, run, uninstall, settings } = person(own);
    await client.add("http://127.0.0.1:9/mcp", "old");

    const done = await run("install", "server", "--no-service", "--port", String(bus.port));
    expect(done).toMatchObject({ code: 0, stderr: "" });
    expect(done.stdout).toContain("Claude Code ignores all of");
    expect(await client.run("mcp", "list")).toContain(CONNECTED(bus.url));
    for (const kept of ["\t// mine\n", '"model": "opus", /* best */\n', "// none\n"])
      expect(settings()).toContain(kept);
    expect(parse(settings())).toEqual({ model: "opus", hooks: hooksOf(installed(home)) });
    expect(await run("install", "server", "--no-service")).toMatchObject({
      ...{ code: 0, stdout: expect.stringMatching(/unchanged +mcp/) },
    });

    expect(uninstall()).toMatchObject({ exitCode: 0 });
    expect(settings()).toBe(own);
  },
  TIMEOUT_MS,
);

testWithClaude(
  "a token goes into the registration, another bus and another token replace it",
  async () => {
    const [first, second] = await Promise.all([startBus("binary"), startBus("binary", { env: {} })]);
    const { client, run } = person("{}");
    const install = (bus: ProcessBus, ...more: string[]) =>
      run("install", "client", "--url", bus.url, "--no-hooks", ...more);
    expect(await install(first)).toMatchObject({ code: 0 });
    expect(await install(second)).toMatchObject({ code: 0, stdout: expect.stringMatching(/done +mcp/) });
    const list = await client.run("mcp", "list");
    expect(list).toContain(CONNECTED(second.url));
    expect(list).not.toContain(first.url);
  },
  TIMEOUT_MS,
);
