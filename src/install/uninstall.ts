import { basename, dirname, join } from "node:path";
import { holderOf } from "../admin/holder.ts";
import { environment, type InstallConfig, installConfig, settingsFile } from "../config/client.ts";
import { serverConfig } from "../config/server.ts";
import { VARIABLES } from "../config/variables.ts";
import { attempt } from "../lib/attempt.ts";
import type { Desk } from "../lib/command.ts";
import { quoted } from "../lib/escape.ts";
import type { Json } from "../lib/json.ts";
import { realOf } from "../lib/permissions.ts";
import { expectOwnHome, programPath, removeBinaryStep } from "./binary.ts";
import { removeHooksStep } from "./hooks.ts";
import { Journal } from "./journal.ts";
import { claudeFolderOf, isOfPlugin, removePluginStep } from "./plugin_folder.ts";
import { removeRegistrationStep } from "./registration.ts";
import { removeServiceStep } from "./running.ts";
import { findService } from "./service.ts";
import { removeTokenSteps, settingsStep } from "./settings.ts";
import { carryOut, type Flags, type Step, skipped, step } from "./steps.ts";

interface Given extends Flags {
  server: boolean;
  client: boolean;
}

/** Undoes an install. The data stays. @throws Error with a sentence when that is impossible. */
export async function uninstall(args: Json, desk: Desk): Promise<Json> {
  const given = args as unknown as Given;
  const all = given.server === given.client;
  const config = installConfig(environment);
  expectOwnHome(config);
  const journal = new Journal(config.data);
  const steps: Step[] = [];
  const places = placesOf(config, journal);
  if (all || given.client) steps.push(...clientSteps(places, journal));
  if (all || given.server) steps.push(await serviceRemoval(config, journal));
  if (all) steps.push(removeBinaryStep(config, journal));
  return carryOut(steps, {
    ...{ desk, journal, flags: given },
    async finish(changed) {
      if (all) journal.removeFolders();
      else for (const place of places) journal.removeFolders(isOfPlugin(place));
      if (!changed) return undefined;
      const running = given.client && !all ? undefined : await stillRunning(config);
      return [running, all ? dataHint(config) : undefined];
    },
  });
}

async function stillRunning(config: InstallConfig): Promise<string | undefined> {
  const server = attempt(() => serverConfig({}, {}, settingsFile()));
  const pid = server && (await holderOf(server.db, config).catch(() => undefined));
  return pid === undefined
    ? undefined
    : `A bus that was started by hand is still running (process ${pid}). To stop it: kill ${pid}`;
}

function clientSteps(places: readonly InstallConfig[], journal: Journal): Step[] {
  const { name } = VARIABLES.url;
  return [
    ...places.flatMap((place) => [
      removeRegistrationStep(place, journal),
      removePluginStep(place, journal, programPath(place)),
      removeHooksStep(place, journal),
    ]),
    ...(settingsFile()[name] === undefined ? [] : [settingsStep(journal, { [name]: null })]),
    ...removeTokenSteps(journal),
  ];
}

/** Every folder of Claude Code that an install has used. CLAUDE_CONFIG_DIR may have changed since. */
function placesOf(config: InstallConfig, journal: Journal): InstallConfig[] {
  const { home, env, claude } = config;
  const here = realOf(join(claude.folder, "settings.json"));
  const usual = realOf(join(home, ".claude"));
  const used = journal.files().flatMap((path) => {
    if (basename(path) === "settings.json") return realOf(path) === here ? [] : [dirname(path)];
    const folder = claudeFolderOf(path);
    return folder === undefined || folder === realOf(claude.folder) ? [] : [folder];
  });
  const configOf = (folder: string) =>
    installConfig({ ...env, CLAUDE_CONFIG_DIR: folder === usual ? undefined : folder });
  return [config, ...[...new Set(used)].map(configOf)];
}

async function serviceRemoval(config: InstallConfig, journal: Journal): Promise<Step> {
  const found = await findService(config);
  if (!("none" in found)) return removeServiceStep(config, journal, found);
  return step("service", async () => skipped(found.none));
}

function dataHint({ data }: InstallConfig): string {
  return `Your data stays in ${data} (database, logs, settings and backups). To remove it too: rm -r ${quoted(data)}`;
}
