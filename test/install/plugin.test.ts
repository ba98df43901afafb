// The installer puts the plugin in, or hooks: the real executable in a HOME of its own.
import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { allowStep } from "../../src/install/allow.ts";
import { hooksOf } from "../../src/install/hook_entries.ts";
import { pluginFiles } from "../../src/install/plugin_files.ts";
import { carry, PERSONS, place } from "../support/claude_settings.ts";
import { claudeStandIn } from "../support/claude_stand_in.ts";
import { canMount } from "../support/disk.ts";
import { DATA } from "../support/home.ts";
import { newcomer, readOnly } from "../support/newcomer.ts";
import { startTokenBus } from "../support/token_bus.ts";
import { put, treeOf } from "../support/tree.ts";

const bus = await startTokenBus();
const token = bus.token("laptop");
const NEW = claudeStandIn();
const OLD = claudeStandIn("2.1.286");

/** Calls a tool of the bus as this machine's client does. */
async function byToken(name: string, args: object): Promise<{ session_id: string }> {
  const body = { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name, arguments: args } };
  const headers = {
    authorization: `Bearer ${token}`,
    "content-type": "application/json",
    accept: "application/json",
  };
  const answer = await fetch(bus.url, { method: "POST", headers, body: JSON.stringify(body) });
  return ((await answer.json()) as { result: { structuredContent: { session_id: string } } }).result
    .structuredContent;
}

/** A person with a Claude Code of that folder, and these settings. */
function person({ claude = NEW, settings = PERSONS as string | null, moved = false } = {}) {
  const it = newcomer();
  // The data stays there.
  mkdirSync(join(it.home, ".claude"));
  const folder = join(it.home, moved ? "elsewhere" : ".claude");
  const file = join(folder, "settings.json");
  if (settings !== null) put(file, settings, 0o640);
  const env = (bin: string) => ({
    PATH: `${bin}:/usr/bin:/bin`,
    ...(moved && { CLAUDE_CONFIG_DIR: folder }),
  });
  const install = async (flags = "", bin = claude) => {
    const words = [
      "install",
      "client",
      "--url",
      bus.url,
      "--token",
      token,
      ...flags.split(" ").filter(Boolean),
    ];
    const { code, stdout, stderr } = await it.run(words, { env: env(bin) });
    const lines = stdout.matchAll(/^(done|unchanged|skipped|would do|FAILED) +(\w+) +(.*)/gm);
    const steps = Object.fromEntries([...lines].map(([, state, what = "", text]) => [what, { state, text }]));
    return { code, stderr, stdout, steps };
  };
  const uninstall = async (...flags: string[]) => {
    const { code, stderr, stdout } = await it.run(["uninstall", ...flags], { env: env(claude) });
    expect([code, stderr]).toEqual([0, ""]);
    return stdout;
  };
  const plugin = join(folder, "skills/agent-event-bus");
  const binary = join(it.home, ".local/bin/agent-event-bus");
  const held = () => JSON.parse(readFileSync(file, "utf8"));
  /** What belongs to the person: everything but the data and the file that the stand-in writes. */
  const own = () => treeOf(it.home, [DATA, ".claude/contrib", ".claude.json", "elsewhere/.claude.json"]);
  return { ...it, folder, file, install, uninstall, plugin, binary, held, own };
}

type Person = ReturnType<typeof person>;

function expectPlugin({ plugin, binary, held }: Person): void {
  const wanted = pluginFiles(binary);
  const tree = treeOf(plugin);
  expect(Object.keys(tree).filter((name) => !name.endsWith("/"))).toEqual(Object.keys(wanted).sort());
  for (const [name, text] of Object.entries(wanted))
    expect(readFileSync(join(plugin, name), "utf8")).toBe(text);
  expect(JSON.stringify(held().hooks ?? {})).not.toContain("agent-event-bus hook session-start");
  expect(held().permissions.allow).toContain("mcp__agent-event-bus__publish_event");
}

function expectHooks({ plugin, binary, held, folder }: Person): void {
  expect(existsSync(plugin)).toBe(false);
  expect(existsSync(join(folder, "skills"))).toBe(false);
  expect(held().hooks.SessionEnd).toEqual(hooksOf(binary).SessionEnd);
}

test("a new client gets the plugin, and no hook in settings.json; a second time nothing changes", async () => {
  const it = person();
  const { code, stderr, steps } = await it.install();
  expect([code, stderr]).toEqual([0, ""]);
  expect(steps.plugin).toEqual({
    state: "done",
    text: `the plugin of Claude Code, in ${it.plugin}. Sessions that run now get no messages until they start again, or until you type /reload-plugins in them`,
  });
  expect(steps.hooks).toEqual({ state: "unchanged", text: `no hooks of ours in ${it.file}` });
  expectPlugin(it);
  expect(JSON.parse(readFileSync(join(it.home, ".claude.json"), "utf8")).mcpServers).toHaveProperty([
    "agent-event-bus",
  ]);
  const before = treeOf(it.home);
  const again = await it.install();
  expect(Object.values(again.steps).map(({ state }) => state)).toEqual(Array(7).fill("unchanged"));
  expect(treeOf(it.home)).toEqual(before);
});

test("a dry run says so and changes nothing", async () => {
  const it = person();
  const before = treeOf(it.home);
  const { steps } = await it.install("--dry-run");
  expect(steps).toMatchObject({ plugin: { state: "would do" }, hooks: { state: "unchanged" } });
  expect(treeOf(it.home)).toEqual(before);
});

test("an old client gets hooks, and the sentence that says why", async () => {
  const it = person({ claude: OLD });
  const { steps } = await it.install();
  expect(steps.plugin).toMatchObject({
    text: "not used, because Claude Code 2.1.286 cannot load it, but 2.1.287 and later can (claude update)",
  });
  expect(steps.hooks?.state).toBe("done");
  expectHooks(it);
});

test("without a client there are hooks, and with --no-hooks neither", async () => {
  const it = person({ claude: "/nowhere" });
  expect((await it.install()).steps.plugin?.text).toBe(
    "not used, because the version of Claude Code is not known",
  );
  expectHooks(it);
  const bare = person();
  const { steps } = await bare.install("--no-hooks");
  expect(steps.plugin).toBeUndefined();
  expect(steps.hooks?.text).toBe("left alone (--no-hooks)");
  expect(existsSync(bare.plugin)).toBe(false);
  expect(bare.held().hooks).toEqual(JSON.parse(PERSONS).hooks);
});

test("--no-hooks leaves a plugin alone; with --hooks-only it is refused", async () => {
  const it = person();
  await it.install();
  const before = it.own();
  await it.install("--no-hooks");
  expect(it.own()).toEqual(before);
  const refused = await it.install("--no-hooks --hooks-only");
  expect([refused.code, refused.stderr]).toEqual([
    64,
    expect.stringContaining("--hooks-only and --no-hooks exclude each other."),
  ]);
});

test.each([
  ["no settings", null],
  ["a person's settings", PERSONS],
  [
    "settings with hooks only",
    '{"hooks": {"Stop": [{"hooks": [{"type": "command", "command": "say done"}]}]}}',
  ],
])("%s: hooks, plugin, hooks again, plugin, uninstall: byte for byte as before", async (_what, settings) => {
  const it = person({ settings });
  const before = it.own();
  await it.install("--hooks-only");
  const hooks = it.own();
  expectHooks(it);
  expect((await it.install()).steps).toMatchObject({ plugin: { state: "done" }, hooks: { state: "done" } });
  expectPlugin(it);
  const plugin = it.own();
  const back = await it.install("--hooks-only");
  expect(back.steps).toMatchObject({
    plugin: { state: "done", text: "not used (--hooks-only)" },
    hooks: { state: "done" },
  });
  expectHooks(it);
  expect(Object.keys(it.own())).toEqual(Object.keys(hooks));
  await it.install();
  expectPlugin(it);
  expect(Object.keys(it.own())).toEqual(Object.keys(plugin));
  await it.uninstall();
  expect(it.own()).toEqual(before);
});

test("without permissions of ours, settings.json is as before once the hooks are gone", async () => {
  const it = person({ settings: null });
  await it.install("--hooks-only --no-allow");
  expect(existsSync(it.file)).toBe(true);
  await it.install("--no-allow");
  expect(existsSync(it.file)).toBe(false);
  await it.install("--hooks-only --no-allow");
  expectHooks(it);
});

test("uninstall --client takes the plugin out too, with the folders that were made for it", async () => {
  const it = person();
  const before = it.own();
  await it.install("--no-allow");
  await it.uninstall("--client");
  expect(existsSync(join(it.folder, "skills"))).toBe(false);
  expect(existsSync(it.binary)).toBe(true);
  await it.uninstall();
  expect(it.own()).toEqual(before);
});

test("the person's other skills stay, and so does a folder of skills that is a link", async () => {
  const it = person();
  put(join(it.home, "dotfiles/skills/mine/SKILL.md"), "mine");
  symlinkSync("../dotfiles/skills", join(it.folder, "skills"));
  const before = it.own();
  await it.install();
  expectPlugin(it);
  await it.uninstall();
  expect(it.own()).toEqual(before);
});

test.each([
  ["a skill of the person", "skills/agent-event-bus/SKILL.md", "SKILL.md"],
  [
    "a plugin of another author",
    "skills/agent-event-bus/.claude-plugin/plugin.json",
    ".claude-plugin/plugin.json",
  ],
  ["a file in its place", "skills/agent-event-bus", "it is a file"],
])("%s is left alone, hooks are used, and it says so", async (_what, name, says) => {
  const it = person();
  put(join(it.folder, name), '{"name":"agent-event-bus","author":{"name":"me"}}');
  const before = it.own();
  const { steps, code } = await it.install();
  expect(code).toBe(0);
  expect(steps.plugin?.text).toBe(`not used, because ${it.plugin} is not ours (${says})`);
  expect(it.held().hooks.SessionEnd).toEqual(hooksOf(it.binary).SessionEnd);
  await it.uninstall();
  expect(it.own()).toEqual(before);
});

test("a half-written folder and files of another version are mended", async () => {
  const it = person();
  await it.install();
  rmSync(join(it.plugin, "hooks/register.js"));
  put(join(it.plugin, "hooks/.hooks.json.4194305.new"), "half of it");
  expect((await it.install()).steps.plugin?.state).toBe("done");
  expectPlugin(it);
  // Without the journal, as another installation of ours would find it.
  rmSync(it.data, { recursive: true });
  put(join(it.plugin, "hooks/register.js"), "export function register() {}");
  expect((await it.install()).steps.plugin?.state).toBe("done");
  expectPlugin(it);
  await it.uninstall();
  expect(
    Object.keys(treeOf(it.folder)).filter((name) => name.includes("skills/") && !name.endsWith("/")),
  ).toEqual([]);
});

test("an installer that was killed in the middle leaves what a second run completes, and uninstall removes", async () => {
  const it = person();
  const before = it.own();
  await it.install();
  for (const name of [
    "hooks/hooks.json",
    "hooks/register.js",
    "skills/agent-event-bus/SKILL.md",
    "README.md",
    "LICENSE",
  ])
    rmSync(join(it.plugin, name));
  await it.uninstall();
  expect(it.own()).toEqual(before);
});

test("a file that the person changed is put right with a copy; uninstall names one changed since", async () => {
  const it = person();
  await it.install();
  const skill = join(it.plugin, "skills/agent-event-bus/SKILL.md");
  writeFileSync(skill, "my words");
  writeFileSync(join(it.plugin, "notes.txt"), "my notes");
  await it.install();
  expect(readFileSync(skill, "utf8")).toBe(String(pluginFiles(it.binary)["skills/agent-event-bus/SKILL.md"]));
  writeFileSync(skill, "my words again");
  const said = await it.uninstall();
  expect(said).toContain(`Changed by others, so it stays: ${join(it.plugin, "notes.txt")}, ${skill}\n`);
  expect(Object.keys(treeOf(it.plugin)).filter((name) => !name.endsWith("/"))).toEqual([
    "notes.txt",
    "skills/agent-event-bus/SKILL.md",
  ]);
  rmSync(join(it.plugin, "notes.txt"));
  expect((await it.install()).steps.plugin?.state).toBe("done");
  expectPlugin(it);
});

if (!canMount) console.log("skipped: a read-only folder of skills, unshare -rm cannot mount here");

test.skipIf(!canMount)("a folder that cannot be written: a sentence, and nothing is changed", async () => {
  const it = person();
  mkdirSync(join(it.folder, "skills"));
  const before = treeOf(it.home);
  const words = ["install", "client", "--url", bus.url, "--token", token];
  const { code, stderr, stdout } = await it.run(words, {
    inside: readOnly(join(it.folder, "skills")),
    env: { PATH: `${NEW}:/usr/bin:/bin` },
    cwd: "/",
  });
  expect(stderr).toBe(
    `agent-event-bus: ${it.folder}/skills cannot be changed: it is on a read-only file system. Make it writable, then run this again.\n`,
  );
  expect([code, stdout]).toEqual([1, ""]);
  expect(treeOf(it.home)).toEqual(before);
});

test("CLAUDE_CONFIG_DIR: the plugin goes there, and uninstall finds it without the variable", async () => {
  const it = person({ moved: true });
  const before = it.own();
  await it.install("--no-allow");
  expect(existsSync(join(it.home, ".claude/skills"))).toBe(false);
  expect(existsSync(join(it.plugin, "hooks/register.js"))).toBe(true);
  const { code } = await it.run(["uninstall"], { env: { PATH: `${NEW}:/usr/bin:/bin` } });
  expect(code).toBe(0);
  expect(it.own()).toEqual(before);
});

test("settings that forbid the plugin: hooks, with the sentence", async () => {
  for (const [settings, name] of [
    [{ disableAllHooks: true }, "disableAllHooks"],
    [{ enabledPlugins: { "agent-event-bus@skills-dir": false } }, "enabledPlugins"],
  ] as const) {
    const it = person({ settings: JSON.stringify(settings) });
    const { steps } = await it.install();
    expect(steps.plugin?.text).toBe(`not used, because ${name} in ${it.file} forbids it`);
    expectHooks(it);
  }
});

test("a client that no longer tells its version keeps the plugin, and an older one gets hooks again", async () => {
  const it = person();
  await it.install();
  expect((await it.install("", "/nowhere")).steps.plugin?.state).toBe("unchanged");
  expectPlugin(it);
  expect((await it.install("", OLD)).steps.plugin?.state).toBe("done");
  expectHooks(it);
});

test("hooks stay as long as sessions run on them, which would get nothing without", async () => {
  const it = person();
  await it.install("--hooks-only");
  const client_id = "runs-on-hooks";
  const { session_id } = await byToken("start_session", { client_id, name: "shop", cwd: "/", repo: "shop" });
  const { steps } = await it.install();
  expect(steps.plugin).toMatchObject({
    text: "not yet, because hooks deliver to 1 running session (shop). Once they have ended, run this again",
  });
  expectHooks(it);
  await byToken("unregister_session", { session_id });
  expect((await it.install()).steps.plugin?.state).toBe("done");
  expectPlugin(it);
});

test("our plugin from a marketplace is taken out, and the installer's own put in", async () => {
  const market = { enabledPlugins: { "agent-event-bus@acme": true, "other@acme": true } };
  const it = person({ settings: JSON.stringify(market) });
  const { steps } = await it.install();
  expect(steps.plugin).toMatchObject({
    ...{ state: "done", text: expect.stringContaining(`in ${it.plugin}, in place of agent-event-bus@acme`) },
  });
  expectPlugin(it);
  expect(it.held().enabledPlugins).toEqual({ "other@acme": true });
  await it.uninstall();
  expect(it.held()).toEqual({ enabledPlugins: { "other@acme": true } });
});

test("hooks take its place too, and without the command claude it is named", async () => {
  const market = JSON.stringify({ enabledPlugins: { "agent-event-bus@acme": true } });
  const it = person({ settings: market });
  expect((await it.install("--hooks-only")).steps.plugin?.text).toBe(
    "not used (--hooks-only), in place of agent-event-bus@acme",
  );
  expectHooks(it);
  const lone = person({ settings: market, claude: "/nowhere" });
  const before = lone.own();
  const refused = await lone.install();
  expect([refused.code, refused.stderr]).toEqual([
    1,
    "agent-event-bus: agent-event-bus@acme is there already. First run: claude plugin uninstall agent-event-bus@acme\n",
  ]);
  expect(lone.own()).toEqual(before);
});

test("an installation that fails brings it back", async () => {
  const it = person({ settings: JSON.stringify({ enabledPlugins: { "agent-event-bus@acme": true } }) });
  const broken = claudeStandIn("2.1.332");
  const line = readFileSync(join(broken, "claude"), "utf8");
  writeFileSync(
    join(broken, "claude"),
    line.replace('if (action === "add")', 'process.exit(3);\n  if (action === "add")'),
  );
  const failed = await it.install("", broken);
  expect([failed.code, failed.steps.mcp?.state]).toEqual([1, "FAILED"]);
  expect(it.held()).toEqual({ enabledPlugins: { "agent-event-bus@acme": true } });
  expect(existsSync(it.plugin)).toBe(false);
});

test("the tools of a plugin from a marketplace are allowed by their own names", async () => {
  const { config, journal, held, remove } = place('{"enabledPlugins":{"agent-event-bus@acme":true}}');
  await carry(allowStep(config, journal()));
  expect(held()).toContain('"mcp__agent-event-bus__ask"');
  expect(held()).toContain('"mcp__plugin_agent-event-bus_bus__ask"');
  await remove();
  expect(held()).toBe('{"enabledPlugins":{"agent-event-bus@acme":true}}');
});
