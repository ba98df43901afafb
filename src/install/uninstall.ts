import { basename, dirname, join } from "node:path";
import { quoted } from "../admin/reason.ts";
import { environment, type InstallConfig, installConfig, settingsFile, tokenPath } from "../config/client.ts";
import { VARIABLES } from "../config/variables.ts";
import type { Desk } from "../lib/command.ts";
import type { Json } from "../lib/json.ts";
import { realOf } from "../lib/permissions.ts";
import { expectOwnHome, removeBinaryStep } from "./binary.ts";
import { kindOf, targetOf } from "./files.ts";
import { removeHooksStep } from "./hooks.ts";
import { Ledger } from "./journal.ts";
import { holderOf } from "./port.ts";
import { removeRegistrationStep } from "./registration.ts";
import { removeServiceStep, serverOf } from "./running.ts";
import { findService } from "./service.ts";
import { settingsStep } from "./settings.ts";
import { carryOut, type Done, type Step } from "./steps.ts";

interface Given {
  server: boolean;
  client: boolean;
  dry_run: boolean;
  yes: boolean;
}

/** Takes away what was installed; the data directory stays. Throws Error with a sentence when that cannot be done. */
export async function uninstall(args: Json, desk: Desk): Promise<Json> {
  const given = args as unknown as Given;
  const all = given.server === given.client;
  const config = installConfig(environment);
  expectOwnHome(config);
  const ledger = new Ledger(config.data);
  const steps: Step[] = [];
  if (all || given.client)
    steps.push(
      ...placesOf(config, ledger).flatMap((place) => [
        removeRegistrationStep(place, ledger),
        removeHooksStep(place, ledger),
      ]),
      ...clientSteps(ledger),
    );
  if (all || given.server) steps.push(await serviceRemoval(config, ledger));
  if (all) steps.push(removeBinaryStep(config, ledger));
  const question = given.yes ? undefined : "Do this?";
  const result = await carryOut(steps, { desk, ledger, dryRun: given.dry_run, question });
  const undone = (result.steps as Done[]).some(({ state }) => state === "planned" || state === "failed");
  if (undone) return result;
  if (all) ledger.removeFolders();
  if (!result.changed) return result;
  const running = given.client && !all ? undefined : await stillRunning(config);
  return { ...result, next: [running, ...nextOf(config, all)].filter((line) => line !== undefined) };
}

async function stillRunning(config: InstallConfig): Promise<string | undefined> {
  const pid = await busAt(config).catch(() => undefined);
  return pid === undefined
    ? undefined
    : `A bus that no service started still runs: process ${pid}. To stop it: kill ${pid}`;
}

/** Throws ConfigError when settings.env cannot be understood. */
async function busAt(config: InstallConfig): Promise<number | undefined> {
  return holderOf(serverOf(config, settingsFile()).db, config);
}

/** Where Claude Code's settings are, and where they were: CLAUDE_CONFIG_DIR may have been another one. */
function placesOf(config: InstallConfig, ledger: Ledger): InstallConfig[] {
  const { home, env, claude } = config;
  const here = targetOf(join(claude.folder, "settings.json"));
  const usual = realOf(join(home, ".claude"));
  const others = ledger
    .files()
    .filter((path) => basename(path) === "settings.json" && targetOf(path) !== here);
  return [
    config,
    ...others.map((path) => {
      const folder = dirname(path);
      return installConfig({ ...env, CLAUDE_CONFIG_DIR: folder === usual ? undefined : folder });
    }),
  ];
}

function clientSteps(ledger: Ledger): Step[] {
  const steps: Step[] = [];
  const { name } = VARIABLES.url;
  if (settingsFile()[name] !== undefined) steps.push(settingsStep(ledger, { [name]: null }));
  const token = tokenPath();
  if (kindOf(token) !== "none")
    steps.push({
      what: "token",
      async plan() {
        ledger.check(token);
        return {
          state: "planned",
          text: `no ${token}`,
          async apply() {
            ledger.remove(token, { ours: true });
            return undefined;
          },
        };
      },
    });
  return steps;
}

async function serviceRemoval(config: InstallConfig, ledger: Ledger): Promise<Step> {
  const found = await findService(config);
  if (!("none" in found)) return removeServiceStep(config, ledger, found);
  return { what: "service", plan: async () => ({ state: "skipped", text: found.none }) };
}

function nextOf({ data }: InstallConfig, all: boolean): string[] {
  if (!all) return [];
  return [
    `The data stays in ${data}: the database, logs, settings, and copies of what was there before (backups). To remove that too: rm -r ${quoted(data)}`,
  ];
}
