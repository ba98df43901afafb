import {
  dataDirectory,
  type Environment,
  environment,
  type InstallConfig,
  installConfig,
  keptToken,
  settingsFile,
} from "../config/client.ts";
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
import { findOriginal } from "./python_original.ts";
import { addressOf, serviceStep } from "./running.ts";
import { findService } from "./service.ts";
import type { FoundService } from "./service_types.ts";
import { settingsStep } from "./settings.ts";
import { carryOut, type Flags, skipped, step } from "./steps.ts";

interface Given extends Flags, Without {
  host: string | undefined;
  port: number | undefined;
  no_service: boolean;
}

/** Installs the bus on this machine. @throws Error or ConfigError with a sentence when that is impossible. */
export async function installServer(args: Json, desk: Desk): Promise<Json> {
  const given = args as unknown as Given;
  expectExecutable();
  const config = installConfig(environment);
  expectOwnHome(config);
  const settings = settingsFile();
  refuseClient(settings);
  const found = given.no_service ? { none: "left out" } : await findService(config);
  const changes = changesOf(given, settings, config, found);
  const server = serverConfig({}, {}, { ...settings, ...changes });
  refuseOpen(server);
  await refuseForeign(server);
  const journal = new Journal(config.data);
  const isThere = isInstalled(config);
  const renewed = !isThere || Object.keys(changes).length > 0;
  const token = server.access.onlyTokens ? keptToken() : undefined;
  const steps = [binaryStep(config, journal, isThere), settingsStep(journal, changes)];
  if (!("none" in found)) steps.push(serviceStep({ config, journal, service: found, server, renewed }));
  else if (!given.no_service) {
    const text = `${found.none}. Run the bus yourself: ${quoted(programPath(config))} serve`;
    steps.push(step("service", async () => skipped(text)));
  }
  steps.push(...claudeSteps(config, journal, given, { url: addressOf(server), token }));
  return carryOut(steps, {
    ...{ desk, journal, flags: given },
    finish: () => hintsOf(given, config, found, server),
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

function refuseOpen({ host, db, access }: ServerConfig): void {
  if (isLoopback(host) || access.open || access.trustHeaders) return;
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

async function hintsOf(given: Given, config: InstallConfig, found: FoundService, server: ServerConfig) {
  const program = commandOf(config);
  const lacksToken = server.access.onlyTokens && keptToken() === undefined;
  return [
    pathHint(config),
    "none" in found ? undefined : await found.hint(),
    given.no_service ? `Start the bus: ${program} serve` : undefined,
    lacksToken
      ? `${VARIABLES.requireToken.name} is set: commands and Claude Code of this machine need a token too. Make one (${program} token create --name here), put it into ${dataDirectory()}/token with mode 600, and run this again.`
      : undefined,
    `To see that it works: ${program} doctor`,
  ];
}
