import { existsSync } from "node:fs";
import { resolve } from "node:path";
import {
  type ClientConfig,
  clientConfig,
  type Environment,
  environment,
  type InstallConfig,
  installConfig,
  keptToken,
  localUrl,
  parseSettings,
  settingsFile,
  settingsPath,
  settingsText,
} from "../../config/client.ts";
import { databasePath, serverConfig } from "../../config/server.ts";
import { VARIABLES } from "../../config/variables.ts";
import { attempt } from "../../lib/attempt.ts";
import { quoted } from "../../lib/escape.ts";
import { isLoopbackUrl } from "../../lib/loopback.ts";
import { once } from "../../lib/once.ts";
import { realOf } from "../../lib/permissions.ts";
import { hostOf, isSameUrl } from "../../rpc/bus_url.ts";
import { type Probe, probe } from "../../rpc/probe.ts";
import { commandOf, isCompiled, programPath } from "../binary.ts";
import { claudeVersion } from "../claude_version.ts";
import { type HooksFound, lookAtHooks } from "../hooks.ts";
import { Journal } from "../journal.ts";
import type { Part } from "../manifest.ts";
import { lookAtRegistration, type Registration } from "../registration.ts";
import { findService } from "../service.ts";
import type { Service, ServiceState } from "../service_types.ts";

/** The machine under examination. A fact that several checks need is established once. */
export interface Place {
  config: InstallConfig;
  client: ClientConfig;
  /** `server` if the machine uses its own bus, `client` if it uses one elsewhere. */
  role: "server" | "client";
  settings: Environment;
  /** Why settings.env cannot be understood. */
  settingsBroken: string | undefined;
  db: string;
  url: string;
  /** Path of the installed executable, even if there is no file. */
  program: string;
  /** The program as the user can type it. */
  command: string;
  /** The command that installs the bus here, or repairs its installation. */
  install: string;
  /** The token of the first request. */
  token(): string | undefined;
  /** The token for a bus that asks for one. Undefined also if it cannot be read. */
  kept(): string | undefined;
  probe(): Promise<Probe>;
  service(): Promise<{ service: Service; state: ServiceState } | { none: string }>;
  hooks(): HooksFound;
  /** Compared with the hooks that fit the version of Claude Code. */
  fittingHooks(): Promise<HooksFound>;
  registration(): Registration | undefined;
  /** True if the user opted out of a part at the last install. */
  leftOut(part: Part): boolean;
}

/** Sends nothing yet. */
export function placeOf(): Place {
  const config = installConfig(environment);
  const client = clientConfig(environment);
  const { settings, broken } = readSettings();
  const here = localUrl(settings[VARIABLES.host.name], settings[VARIABLES.port.name]);
  const { name } = VARIABLES.url;
  const url = environment[name] || settings[name] || here;
  const role = settings[name] || !isSameUrl(url, here) ? "client" : "server";
  const program = programPath(config);
  const command = typedCommand(config, program);
  const kept = once(() => attempt(keptToken));
  const token = () => client.token ?? (isLoopbackUrl(url) ? undefined : kept());
  return {
    ...{ config, client, role, settings, settingsBroken: broken, db: databaseIn(settings) },
    ...{ url, program, command, token, kept },
    install: `${command} install ${role === "server" ? "server" : `client --url ${quoted(url)}`}`,
    probe: once(() => probeOf(url, token(), kept)),
    service: once(async () => {
      const service = await findService(config);
      return "none" in service ? service : { service, state: await service.state() };
    }),
    hooks: once(() => lookAtHooks(config, program)),
    fittingHooks: once(async () => lookAtHooks(config, program, await claudeVersion(config))),
    registration: once(() => lookAtRegistration(config)),
    leftOut: (part) => attempt(() => new Journal(config.data).leftOut(part)) ?? false,
  };
}

function readSettings(): { settings: Environment; broken?: string } {
  const file = settingsPath();
  let settings: Environment;
  try {
    settings = settingsFile();
  } catch (error) {
    return { settings: readableLines(file), broken: (error as Error).message };
  }
  try {
    serverConfig({}, {}, settings);
    return { settings };
  } catch (error) {
    return { settings, broken: `${file}: ${(error as Error).message}` };
  }
}

function readableLines(file: string): Environment {
  const lines = attempt(settingsText)?.split("\n") ?? [];
  return Object.assign({}, ...lines.map((line) => attempt(() => parseSettings(line, file))));
}

/** The default path if the setting is not a path, which `settingsBroken` reports. */
function databaseIn(settings: Environment): string {
  const set = attempt(() => databasePath(undefined, environment, settings));
  return set === undefined ? databasePath(undefined, {}, {}) : realOf(resolve(set));
}

/** Like a command, asks a bus of this machine without the kept token first. */
async function probeOf(
  url: string,
  token: string | undefined,
  keptOne: () => string | undefined,
): Promise<Probe> {
  try {
    const found = await probe(url, token);
    const kept = found.kind === "unauthorized" && token === undefined ? keptOne() : undefined;
    return kept === undefined ? found : await probe(url, kept);
  } catch (error) {
    return { kind: "nobody", sentence: (error as Error).message };
  }
}

function typedCommand(config: InstallConfig, program: string): string {
  if (existsSync(program)) return commandOf(config);
  return isCompiled() ? quoted(process.execPath) : "./install.sh && agent-event-bus";
}

/** A command for the machine of the bus. */
export function onBus({ role, url, command }: Place, words: string): string {
  return role === "server" ? `${command} ${words}` : `on ${hostOf(url)}: agent-event-bus ${words}`;
}
