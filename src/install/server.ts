import { quoted } from "../admin/reason.ts";
import {
  dataDirectory,
  type Environment,
  environment,
  type InstallConfig,
  installConfig,
  keptToken,
  settingsFile,
} from "../config/client.ts";
import type { ServerConfig } from "../config/server.ts";
import { VARIABLES } from "../config/variables.ts";
import type { Desk } from "../lib/command.ts";
import type { Json } from "../lib/json.ts";
import { isLoopback } from "../lib/loopback.ts";
import { realOf } from "../lib/permissions.ts";
import { ownerOf, told } from "../rpc/owner.ts";
import { openTokens } from "../tokens/token_files.ts";
import { allowStep } from "./allow.ts";
import { binaryStep, expectExecutable, expectOwnHome, isInstalled, pathHint, programPath } from "./binary.ts";
import { hooksStep } from "./hooks.ts";
import { Ledger } from "./journal.ts";
import { partStep } from "./optional_step.ts";
import { findOriginal } from "./python_original.ts";
import { registrationStep } from "./registration.ts";
import { addressOf, serverOf, serviceStep } from "./running.ts";
import { findService, type Service } from "./service.ts";
import { settingsStep } from "./settings.ts";
import { carryOut, isOver, type Step } from "./steps.ts";

interface Given {
  host: string | undefined;
  port: number | undefined;
  no_hooks: boolean;
  no_allow: boolean;
  no_mcp: boolean;
  no_service: boolean;
  dry_run: boolean;
  yes: boolean;
}

/** Installs the bus on this machine. Throws Error or ConfigError with a sentence when it cannot be done; nothing is changed then. */
export async function installServer(args: Json, desk: Desk): Promise<Json> {
  const given = args as unknown as Given;
  expectExecutable();
  const config = installConfig(environment);
  expectOwnHome(config);
  const settings = settingsFile();
  refuseClient(settings);
  const found = given.no_service ? { none: "left out" } : await findService(config);
  const changes = changesOf(given, settings, config, "none" in found ? undefined : found);
  const server = serverOf(config, { ...settings, ...changes });
  refuseOpen(server);
  await refuseForeign(server);
  const ledger = new Ledger(config.data);
  const steps = stepsOf({ given, config, ledger, found, changes, server });
  const question = given.yes ? undefined : "Do this?";
  const result = await carryOut(steps, { desk, ledger, dryRun: given.dry_run, question });
  if (isOver(result) || given.dry_run) return result;
  return { ...result, next: await nextOf(config, server, found, given) };
}

interface Parts {
  given: Given;
  config: InstallConfig;
  ledger: Ledger;
  found: Service | { none: string };
  changes: Record<string, string>;
  server: ServerConfig;
}

function stepsOf({ given, config, ledger, found, changes, server }: Parts): Step[] {
  const program = programPath(config);
  const isThere = isInstalled(config);
  const steps = [binaryStep(config, ledger, () => isThere), settingsStep(ledger, changes)];
  const renewed = !isThere || Object.keys(changes).length > 0;
  if (!("none" in found)) steps.push(serviceStep({ config, ledger, service: found, server, renewed }));
  else if (!given.no_service) steps.push(noService(found.none, program));
  const token = server.access.onlyTokens ? keptToken() : undefined;
  const registration = registrationStep(config, ledger, { url: addressOf(server), token });
  steps.push(
    partStep(ledger, "hooks", !given.no_hooks, hooksStep(config, ledger, program)),
    ...(given.no_mcp ? [] : [partStep(ledger, "allow", !given.no_allow, allowStep(config, ledger))]),
    partStep(ledger, "mcp", !given.no_mcp, registration),
  );
  return steps;
}

function noService(reason: string, program: string): Step {
  const text = `${reason}. Run the bus yourself: ${quoted(program)} serve`;
  return { what: "service", plan: async () => ({ state: "skipped", text }) };
}

function refuseClient(settings: Environment): void {
  const { name } = VARIABLES.url;
  if (!settings[name]) return;
  throw new Error(
    `This machine is a client of ${settings[name]} (${name} in settings.env). To make it the server, first run: agent-event-bus uninstall --client`,
  );
}

/** What `settings.env` will say that it does not say yet: the flags, and what a former service had in its environment. */
function changesOf(
  { host, port }: Given,
  settings: Environment,
  config: InstallConfig,
  service: Service | undefined,
): Record<string, string> {
  const original = service && findOriginal(config, service, programPath(config));
  const wanted = {
    ...Object.fromEntries(Object.entries(original?.settings ?? {}).filter(([key]) => !settings[key])),
    ...(host !== undefined && { [VARIABLES.host.name]: host }),
    ...(port !== undefined && { [VARIABLES.port.name]: String(port) }),
  };
  const differing = Object.entries(wanted).filter(([key, value]) => settings[key] !== value);
  return Object.fromEntries(differing) as Record<string, string>;
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

/** Without a service nothing else looks at the port before the bus is started. */
async function refuseForeign(server: ServerConfig): Promise<void> {
  const url = new URL(addressOf(server));
  const owner = await ownerOf(url);
  if (owner.kind === "other") {
    const { found, advice } = told(url, owner);
    throw new Error(`${found} ${advice}`);
  }
}

async function nextOf(
  config: InstallConfig,
  { access }: ServerConfig,
  found: Service | { none: string },
  { no_service }: Given,
): Promise<string[]> {
  const hint = pathHint(config);
  const program = hint === undefined ? "agent-event-bus" : quoted(programPath(config));
  const lacking = access.onlyTokens && keptToken() === undefined;
  const lines = [
    hint,
    "none" in found ? undefined : await found.hint(),
    no_service ? `Start the bus: ${program} serve` : undefined,
    lacking
      ? `${VARIABLES.requireToken.name} is set: commands and Claude Code of this machine need a token too. Make one (${program} token create --name here), put it into ${dataDirectory()}/token with mode 600, and run this again.`
      : undefined,
    `To see that it works: ${program} doctor`,
  ];
  return lines.filter((line) => line !== undefined);
}
