import { holderOf } from "../admin/holder.ts";
import {
  dataDirectory,
  environment,
  type InstallConfig,
  installConfig,
  keptToken,
  settingsFile,
} from "../config/client.ts";
import { ConfigError, type Environment } from "../config/parse_settings.ts";
import { type ServerConfig, serverConfig } from "../config/server.ts";
import { VARIABLES } from "../config/variables.ts";
import type { Desk } from "../lib/command.ts";
import { quoted } from "../lib/escape.ts";
import type { Json } from "../lib/json.ts";
import { isLoopback } from "../lib/loopback.ts";
import { realOf } from "../lib/permissions.ts";
import { pathHint } from "../lib/shell_path.ts";
import { ownerOf, told } from "../rpc/owner.ts";
import { openTokens } from "../tokens/token_files.ts";
import { backgroundStep } from "./background_step.ts";
import {
  binaryStep,
  commandOf,
  expectExecutable,
  expectOwnHome,
  isInstalled,
  programPath,
} from "./binary.ts";
import { claudeSteps, type Without } from "./claude_steps.ts";
import { Journal } from "./journal.ts";
import { repairOf } from "./own_bus.ts";
import { isOfPlugin } from "./plugin_folder.ts";
import { findOriginal } from "./python_original.ts";
import { addressOf, serviceStep } from "./running.ts";
import { findService } from "./service.ts";
import type { FoundService } from "./service_types.ts";
import { settingsStep } from "./settings.ts";
import { carryOut, type Flags, planned, type Step, skipped, step, unchanged } from "./steps.ts";

interface Given extends Flags, Without {
  host: string | undefined;
  port: number | string | undefined;
  no_service: boolean;
}

/** Installs the bus on this machine. @throws Error or ConfigError with a sentence when that is impossible. */
export async function installServer(args: Json, desk: Desk): Promise<Json> {
  const given = args as unknown as Given;
  expectExecutable();
  const config = installConfig(environment);
  expectOwnHome(config);
  const settings = readable(settingsFile);
  refuseClient(settings);
  const found = given.no_service ? { none: "left out" } : await findService(config);
  const wanted = withShell(given);
  const changes = changesOf(wanted, settings, config, found);
  const server = readable(() => serverConfig({}, {}, { ...settings, ...changes }));
  expectPort(server);
  refuseOpen(server);
  await refuseForeign(server);
  const journal = new Journal(config.data);
  const isThere = isInstalled(config);
  const renewed = !isThere || Object.keys(changes).length > 0;
  const token = server.access.onlyTokens ? keptToken() : undefined;
  const steps = [binaryStep(config, journal, isThere), settingsStep(journal, changes)];
  const parts = { config, journal, server, renewed };
  if (given.no_service) steps.push(leftOutStep(journal));
  else if ("none" in found)
    steps.push(
      step("service", async () => skipped(found.none)),
      backgroundStep(parts),
    );
  else steps.push(recordedStep(journal, serviceStep({ ...parts, service: found })));
  steps.push(...claudeSteps(config, journal, given, { url: addressOf(server), token }));
  return carryOut(steps, {
    ...{ desk, journal, flags: given },
    finish: () => {
      journal.removeFolders(isOfPlugin(config));
      return hintsOf(given, config, found, server, renewed);
    },
  });
}

/** @throws ConfigError with the command that opens the settings, when they cannot be used. */
function readable<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ConfigError(`${error.message} ${repairOf(error.message)}, then run this again.`);
  }
}

/** HOST and PORT of the shell count as flags do, as in `PORT=9090 ./install.sh`. */
function withShell(given: Given): Given {
  const { host, port } = VARIABLES;
  const [shellHost, shellPort] = [environment[host.name], environment[port.name]];
  return {
    ...given,
    host: given.host ?? (shellHost || undefined),
    port: given.port ?? (shellPort || undefined),
  };
}

/** @throws Error for a port that the system chooses anew at each start. */
function expectPort({ port }: ServerConfig): void {
  if (port === 0)
    throw new Error(
      `${VARIABLES.port.name} is 0, a new port at each start, which Claude Code would not find. Give a fixed one: --port 8080.`,
    );
}

/** The user starts the bus. The choice is recorded, so that the doctor does not report the service as missing. */
function leftOutStep(journal: Journal): Step {
  const text = "left alone (--no-service)";
  return step("service", async () => {
    if (journal.leftOut("service")) return unchanged(text);
    return planned(text, async () => {
      journal.leaveOut("service", true);
      return undefined;
    });
  });
}

function recordedStep(journal: Journal, { plan }: Step): Step {
  return step("service", async () => {
    const chosen = await plan();
    if (!journal.leftOut("service")) return chosen;
    return planned(chosen.text, async () => {
      journal.leaveOut("service", false);
      return chosen.state === "planned" ? chosen.apply() : undefined;
    });
  });
}

function refuseClient(settings: Environment): void {
  const { name } = VARIABLES.url;
  if (!settings[name]) return;
  throw new Error(
    `This machine is a client of ${settings[name]} (${name} in settings.env). To make it the server, first run: agent-event-bus uninstall --client`,
  );
}

/** Settings that `settings.env` lacks: the flags, and the environment of the Python original's service. */
function changesOf(
  { host, port }: Given,
  settings: Environment,
  config: InstallConfig,
  found: FoundService,
): Record<string, string> {
  const original = "none" in found ? undefined : findOriginal(config, found, programPath(config));
  const inherited = Object.entries(original?.settings ?? {}).filter(([key]) => !settings[key]);
  const wanted = {
    ...(Object.fromEntries(inherited) as Record<string, string>),
    ...(host !== undefined && { [VARIABLES.host.name]: host }),
    ...(port !== undefined && { [VARIABLES.port.name]: String(port) }),
  };
  return Object.fromEntries(Object.entries(wanted).filter(([key, value]) => settings[key] !== value));
}

function refuseOpen({ host, db, postgres, access }: ServerConfig): void {
  // A bus on PostgreSQL finds its tokens there, and refuses by itself.
  if (isLoopback(host) || access.open || access.trustHeaders || postgres !== null) return;
  const tokens = openTokens(realOf(db), Date.now).list();
  if (tokens.some(({ state }) => state === "valid")) return;
  const elsewhere = db.startsWith(dataDirectory()) ? "" : ` --db ${quoted(db)}`;
  throw new Error(
    `HOST is ${host}, which other machines reach, and there is no token that tells them from strangers. First make one: ${quoted(process.execPath)} token create --name laptop${elsewhere}. Or listen on this machine only: --host 127.0.0.1.`,
  );
}

/** Without a service there is no other check of the port. */
async function refuseForeign(server: ServerConfig): Promise<void> {
  const url = new URL(addressOf(server));
  const owner = await ownerOf(url);
  if (owner.kind !== "other") return;
  const { found, advice } = told(url, owner);
  throw new Error(`${found} ${advice}`);
}

async function hintsOf(
  given: Given,
  config: InstallConfig,
  found: FoundService,
  server: ServerConfig,
  renewed: boolean,
) {
  const program = commandOf(config);
  const runs = given.no_service ? (await holderOf(server.db, config)) !== undefined : true;
  const verb = runs ? "restart" : "start";
  const lacksToken = server.access.onlyTokens && keptToken() === undefined;
  return [
    pathHint(config),
    "none" in found ? undefined : await found.hint(),
    given.no_service && (!runs || renewed) ? `To ${verb} the bus: ${program} ${verb}` : undefined,
    "none" in found && !given.no_service
      ? `There is no service here: after a restart of this machine run ${program} start`
      : undefined,
    lacksToken
      ? `${VARIABLES.requireToken.name} is set: commands and Claude Code of this machine need a token too. Make one (${program} token create --name here), put it into ${dataDirectory()}/token with mode 600, and run this again.`
      : undefined,
    `To see that it works: ${program} doctor`,
  ];
}
