import type { InstallConfig } from "../config/client.ts";
import { UsageError } from "../lib/command.ts";
import { counted, visibleLine } from "../lib/escape.ts";
import { subCommandsOf } from "../lib/exec.ts";
import type { Json } from "../lib/json.ts";
import { once } from "../lib/once.ts";
import { tryTool } from "../rpc/probe.ts";
import { allowStep } from "./allow.ts";
import { programPath } from "./binary.ts";
import { userSettings } from "./claude_settings.ts";
import { claudeVersion } from "./claude_version.ts";
import { hooksStep, lookAtHooks, removeHooksStep } from "./hooks.ts";
import type { Journal } from "./journal.ts";
import type { Part } from "./manifest.ts";
import { lookAtPlugin, pluginStep, removePluginStep } from "./plugin_folder.ts";
import { marketplacePlugin, obstacleTo, settingsEverywhere } from "./plugin_obstacle.ts";
import { findClaude, type Registration, registrationStep } from "./registration.ts";
import { sessionsHere } from "./sessions_here.ts";
import { type Plan, planned, type Step, step, unchanged } from "./steps.ts";

export interface Without {
  no_hooks: boolean;
  /** Hooks in `settings.json` instead of the plugin. */
  hooks_only: boolean;
  no_allow: boolean;
  no_mcp: boolean;
}

/**
 * The plugin or hooks, permissions and the MCP server in Claude Code. Permissions are of no use without the server.
 * @throws UsageError when the flags exclude each other.
 */
export function claudeSteps(
  config: InstallConfig,
  journal: Journal,
  { no_hooks, hooks_only, no_allow, no_mcp }: Without,
  wanted: Registration,
): Step[] {
  if (no_hooks && hooks_only) throw new UsageError("--hooks-only and --no-hooks exclude each other.");
  const optional = (what: Part, isOut: boolean, { plan }: Step): Step =>
    step(what, async () => {
      const chosen = isOut ? unchanged(`left alone (--no-${what})`) : await plan();
      return recorded(journal, what, isOut, chosen);
    });
  const allow = optional("allow", no_allow, allowStep(config, journal));
  return [
    ...(no_hooks
      ? [optional("hooks", true, hooksStep(config, journal, programPath(config)))]
      : deliverySteps(config, journal, hooks_only, wanted)),
    ...(no_mcp ? [] : [allow]),
    optional("mcp", no_mcp, registrationStep(config, journal, wanted)),
  ];
}

/** Either the plugin or hooks. Both would deliver twice, so each takes the other one out. */
function deliverySteps(
  config: InstallConfig,
  journal: Journal,
  hooksOnly: boolean,
  bus: Registration,
): Step[] {
  const binary = programPath(config);
  const version = once(() => claudeVersion(config));
  const reason = once(async () => {
    if (hooksOnly) return "not used (--hooks-only)";
    const why = await whyNoPlugin(config, journal, binary, version);
    return why === undefined ? notYet(config, journal, binary, bus) : `not used, because ${why}`;
  });
  const put = pluginStep(config, journal, binary);
  const plugin = async () => {
    const why = await reason();
    const step = why === undefined ? put : removePluginStep(config, journal, binary, why);
    return withoutMarketplace(config, journal, recorded(journal, "plugin", hooksOnly, await step.plan()));
  };
  const bare = removeHooksStep(config, journal, true);
  const hooks = async () => {
    const step = (await reason()) === undefined ? bare : hooksStep(config, journal, binary, version);
    return recorded(journal, "hooks", false, await step.plan());
  };
  return [step("plugin", plugin), step("hooks", hooks)];
}

const MOST_NAMED = 5;

/** Names the sessions that hooks carry: without them, these would get nothing until they start again. Undefined without any. */
async function notYet(
  config: InstallConfig,
  journal: Journal,
  binary: string,
  { url, token }: Registration,
): Promise<string | undefined> {
  const { right, stale } = lookAtHooks(config, binary);
  if (right.length + stale.length === 0 || lookAtPlugin(config, journal, binary).state !== "none")
    return undefined;
  const here = await sessionsHere(async (args) => {
    const asked = await tryTool(url, token, "list_sessions", args);
    return "ok" in asked ? asked.value : undefined;
  });
  const names = here
    .filter(({ rung, reach }) => rung !== "mod" && reach !== "polls_only")
    .map(({ name }) => visibleLine(String(name), 40));
  if (names.length === 0) return undefined;
  const some = names.slice(0, MOST_NAMED).join(", ");
  const rest = names.length > MOST_NAMED ? " and others" : "";
  return `not yet, because hooks deliver to ${counted(names.length, "running session")} (${some}${rest}). Once they have ended, run this again`;
}

/**
 * Takes out our plugin from a marketplace. Claude Code would run it instead of this one, and beside hooks.
 * @throws Error when it is there, but not the command that takes it out.
 */
function withoutMarketplace(config: InstallConfig, journal: Journal, plan: Plan): Plan {
  const own = settingsEverywhere(config).find(({ file }) => file === userSettings(config))?.settings;
  const market = marketplacePlugin(own?.enabledPlugins);
  if (market === undefined) return plan;
  const claude = findClaude(config);
  if (claude === undefined)
    throw new Error(`${market} is there already. First run: claude plugin uninstall ${market}`);
  const { does } = subCommandsOf([claude, "plugin"], config);
  const configs = own?.pluginConfigs as Record<string, { options?: Json } | undefined> | undefined;
  const options = Object.entries(configs?.[market]?.options ?? {});
  const answers = options.flatMap(([key, value]) => ["--config", `${key}=${value}`]);
  return planned(`${plan.text}, in place of ${market}`, async () => {
    journal.onUndo(() => does("install", market, ...answers));
    await does("uninstall", market);
    return plan.state === "planned" ? plan.apply() : undefined;
  });
}

/** Undefined if Claude Code runs the plugin, or has it already and does not tell its version. */
async function whyNoPlugin(
  config: InstallConfig,
  journal: Journal,
  binary: string,
  version: () => ReturnType<typeof claudeVersion>,
): Promise<string | undefined> {
  const { folder, state, foreign } = lookAtPlugin(config, journal, binary);
  if (state === "foreign") return `${folder} is not ours (${foreign[0] || "it is a file"})`;
  const claude = await version();
  if (claude.version === undefined && state === "none") return "the version of Claude Code is not known";
  return obstacleTo(claude, settingsEverywhere(config))?.found;
}

/** The choice is recorded, so that the doctor does not report the part as missing. */
function recorded(journal: Journal, what: Part, isOut: boolean, plan: Plan): Plan {
  const apply = plan.state === "planned" ? plan.apply : undefined;
  if (journal.leftOut(what) === isOut || plan.state === "skipped") return plan;
  return planned(plan.text, async () => {
    journal.leaveOut(what, isOut);
    return apply?.();
  });
}
