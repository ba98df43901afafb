// What an administrator or a person forbids is respected by the installer, and told by the doctor.
import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { type Place, placeOf } from "../../src/install/checks/facts.ts";
import { plugin as check } from "../../src/install/checks/plugin.ts";
import { claudeSteps } from "../../src/install/claude_steps.ts";
import { claudeVersion } from "../../src/install/claude_version.ts";
import { lookAtHooks } from "../../src/install/hooks.ts";
import { lookAtPlugin } from "../../src/install/plugin_folder.ts";
import { carry, place } from "../support/claude_settings.ts";
import { claudeStandIn } from "../support/claude_stand_in.ts";

const ONLY = { allowManagedModsOnly: true };
const OPTIONS = { options: ONLY };

const MANAGED: [setting: string, settings: object, stopsHooks?: boolean][] = [
  ["disableAllHooks", { disableAllHooks: true }, true],
  ["allowManagedHooksOnly", { allowManagedHooksOnly: true }, true],
  ["allowManagedModsOnly", ONLY],
  ["allowManagedModsOnly", { pluginConfigs: { "cc-plugin-sec-default@builtin": OPTIONS } }],
  ["allowManagedModsOnly", { pluginConfigs: { "sec-default@builtin": OPTIONS } }],
  ["strictPluginOnlyCustomization", { strictPluginOnlyCustomization: true }],
  ["strictPluginOnlyCustomization", { strictPluginOnlyCustomization: ["mcp"] }],
  ["strictKnownMarketplaces", { strictKnownMarketplaces: [] }],
  ["allowedMarketplaces", { allowedMarketplaces: [{ source: "github", repo: "a/b" }] }],
  ["blockedMarketplaces", { blockedMarketplaces: [{ source: "skills-dir" }] }],
  ["enabledPlugins", { enabledPlugins: { "agent-event-bus@skills-dir": false } }],
];

const HARMLESS: object[] = [
  { disableAllHooks: false, allowManagedHooksOnly: false, strictPluginOnlyCustomization: false },
  { strictKnownMarketplaces: [{ source: "skills-dir" }], blockedMarketplaces: [{ source: "github" }] },
  { pluginConfigs: { "sec-default@builtin": { options: { allowManagedModsOnly: false } }, other: null } },
  { enabledPlugins: { "agent-event-bus@skills-dir": true, "other@skills-dir": false } },
  { disableSideloadFlags: true },
];

const NEW = claudeStandIn();

/** A HOME whose administrator wrote these settings. */
function managedBy(settings: object, own = "{}") {
  const here = place(own);
  const config = { ...here.config, path: [NEW], bin: `${here.home}/bin`, env: { PATH: "/usr/bin:/bin" } };
  const [file = ""] = config.claude.managed;
  const administer = (some: object) => writeFileSync(file, JSON.stringify(some));
  administer(settings);
  const install = async (hooksOnly = false) => {
    const without = { no_hooks: false, hooks_only: hooksOnly, no_allow: true, no_mcp: true };
    const all = claudeSteps(config, here.journal(), without, { url: "", token: undefined });
    const states: Record<string, string> = {};
    for (const one of all) {
      const { text } = await one.plan();
      states[one.what] = `${(await carry(one))[0]}: ${text}`;
    }
    return states;
  };
  const doctor = () =>
    check.look({
      ...{
        ...placeOf(),
        config,
        install: "INSTALL",
        leftOut: (part: "plugin") => here.journal().leftOut(part),
      },
      hooks: () => lookAtHooks(config, `${config.bin}/agent-event-bus`),
      plugin: () => lookAtPlugin(config, here.journal(), `${config.bin}/agent-event-bus`),
      version: () => claudeVersion(config),
    } as Place);
  return { ...here, config, managed: file, administer, install, doctor };
}

test.each(MANAGED)("%s of the administrator, as in %j: hooks, and the reason", async (setting, settings) => {
  const { install, managed } = managedBy(settings);
  const { plugin, hooks } = await install();
  expect(plugin).toBe(`unchanged: not used, because ${setting} in ${managed} forbids it`);
  expect(hooks).toStartWith("planned: 11 hooks of Claude Code");
});

test.each(HARMLESS)("%j forbids nothing", async (settings) => {
  const { install, doctor } = managedBy(settings);
  const { plugin, hooks } = await install();
  expect([plugin, hooks]).toEqual([
    expect.stringMatching(/^planned: the plugin of Claude Code/),
    expect.stringMatching(/^unchanged: no hooks of ours/),
  ]);
  expect(await doctor()).toMatchObject({ state: "ok" });
});

test("the same in the user's own settings binds nobody where only an administrator may set it", async () => {
  for (const [setting, settings] of MANAGED) {
    const { install, file } = managedBy({}, JSON.stringify(settings));
    const { plugin } = await install();
    if (["disableAllHooks", "enabledPlugins"].includes(setting))
      expect(plugin).toBe(`unchanged: not used, because ${setting} in ${file} forbids it`);
    else expect(plugin).toStartWith("planned: the plugin of Claude Code");
  }
});

test.each(MANAGED)(
  "%s forbids a plugin that was put in before: the doctor names it, and what helps",
  async (setting, settings, stopsHooks = false) => {
    const { install, doctor, administer, managed } = managedBy({});
    await install();
    expect(await doctor()).toMatchObject({ state: "ok" });
    administer(settings);
    expect(await doctor()).toMatchObject({
      state: "bad",
      found: `does not work. ${setting} in ${managed} forbids it`,
      repair: stopsHooks
        ? `ask the administrator of this machine to change ${managed}`
        : "INSTALL --hooks-only",
    });
    await install(true);
    expect(await doctor()).toMatchObject({ state: "note" });
  },
);

test("a note says what could be better, and why it is not", async () => {
  const { install, doctor, administer, managed, config } = managedBy({});
  expect(await doctor()).toBeUndefined();
  await install(true);
  expect(await doctor()).toMatchObject({
    state: "note",
    found: "left out (--hooks-only). To put it in: INSTALL",
  });
  config.path = [claudeStandIn("2.1.100")];
  await install();
  expect(await doctor()).toMatchObject({
    state: "note",
    found: expect.stringContaining("not used, because Claude Code 2.1.100 cannot load it"),
  });
  config.path = [NEW];
  expect(await doctor()).toMatchObject({
    state: "note",
    found: "Claude Code 2.1.332 can load it, and then needs no waiting processes: INSTALL",
  });
  administer({ allowManagedModsOnly: true });
  expect(await doctor()).toMatchObject({
    state: "note",
    found: `not used, because allowManagedModsOnly in ${managed} forbids it`,
  });
});
