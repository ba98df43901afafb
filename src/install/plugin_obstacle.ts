import type { InstallConfig } from "../config/client.ts";
import type { Json } from "../lib/json.ts";
import { isNewer } from "../lib/version.ts";
import { type SettingsFile, settingsFiles, userSettings } from "./claude_settings.ts";
import type { ClaudeVersion } from "./claude_version.ts";

const PLUGIN = "agent-event-bus";
/** Older releases load no mods. */
const FIRST_WITH_MODS = "2.1.287";
/** The name by which Claude Code knows a plugin in its folder of skills. */
const INSTALLED = `${PLUGIN}@skills-dir`;
const SKILLS = "skills-dir";

/** Why Claude Code does not run the plugin. */
export interface Obstacle {
  /** A part of a sentence. */
  found: string;
  /** The file that forbids it. */
  by?: SettingsFile;
  /** The hooks of `settings.json` do not run either. */
  stopsHooks: boolean;
}

interface Rule {
  setting: string;
  managedOnly: boolean;
  stopsHooks: boolean;
  forbids(value: unknown): boolean;
}

const isTrue = (value: unknown) => value === true;
const isSource = (source: unknown) => (source as Json | null)?.source === SKILLS;
const names = (list: unknown) => Array.isArray(list) && list.some(isSource);
const lacks = (list: unknown) => list !== undefined && !names(list);

const RULES: readonly Rule[] = [
  { setting: "disableAllHooks", managedOnly: false, stopsHooks: true, forbids: isTrue },
  { setting: "allowManagedHooksOnly", managedOnly: true, stopsHooks: true, forbids: isTrue },
  { setting: "allowManagedModsOnly", managedOnly: true, stopsHooks: false, forbids: isTrue },
  { setting: "pluginConfigs", managedOnly: true, stopsHooks: false, forbids: onlyManagedMods },
  { setting: "strictPluginOnlyCustomization", managedOnly: true, stopsHooks: false, forbids: locks },
  { setting: "strictKnownMarketplaces", managedOnly: true, stopsHooks: false, forbids: lacks },
  { setting: "allowedMarketplaces", managedOnly: true, stopsHooks: false, forbids: lacks },
  { setting: "blockedMarketplaces", managedOnly: true, stopsHooks: false, forbids: names },
  { setting: "enabledPlugins", managedOnly: false, stopsHooks: false, forbids: isSwitchedOff },
];

// Claude Code takes any other value for true.
function onlyManagedMods(configs: unknown): boolean {
  return Object.entries((configs ?? {}) as Record<string, Json | null>).some(([name, config]) => {
    const { allowManagedModsOnly: only } = (config?.options ?? {}) as Json;
    return /^(cc-plugin-)?sec-default@builtin$/.test(name) && only !== undefined && only !== false;
  });
}

function locks(value: unknown): boolean {
  return Array.isArray(value) ? value.length > 0 : value !== undefined && value !== false;
}

function isSwitchedOff(plugins: unknown): boolean {
  return (plugins as Json | null | undefined)?.[INSTALLED] === false;
}

/** The first reason why Claude Code does not run the plugin. Its version may be unknown. */
export function obstacleTo({ version }: ClaudeVersion, files: readonly SettingsFile[]): Obstacle | undefined {
  if (version !== undefined && isNewer(FIRST_WITH_MODS, version)) {
    const found = `Claude Code ${version} cannot load it, but ${FIRST_WITH_MODS} and later can (claude update)`;
    return { found, stopsHooks: false };
  }
  for (const by of files)
    for (const { setting, managedOnly, stopsHooks, forbids } of RULES)
      if ((by.managed || !managedOnly) && forbids(by.settings[setting]))
        return { found: `${wordsOf(setting)} in ${by.file} forbids it`, by, stopsHooks };
  return undefined;
}

function wordsOf(setting: string): string {
  return setting === "pluginConfigs" ? "allowManagedModsOnly" : setting;
}

/** The settings that hold in every folder: the user's and the administrator's. */
export function settingsEverywhere(config: InstallConfig): SettingsFile[] {
  const own = userSettings(config);
  return settingsFiles(config).filter(({ file, managed }) => managed || file === own);
}

/** Our plugin from a marketplace, like `agent-event-bus@acme`, if it is switched on. */
export function marketplacePlugin(enabledPlugins: unknown): string | undefined {
  const all = Object.entries((enabledPlugins ?? {}) as Json);
  return all.find(([name, on]) => name.startsWith(`${PLUGIN}@`) && name !== INSTALLED && on === true)?.[0];
}
