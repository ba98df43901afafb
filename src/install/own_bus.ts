import { resolve } from "node:path";
import { busOf, type Holder } from "../admin/holder.ts";
import { environment, type InstallConfig, installConfig, settingsPath } from "../config/client.ts";
import { ConfigError, type Environment, localUrl } from "../config/parse_settings.ts";
import { type ServerConfig, serverConfig } from "../config/server.ts";
import { VARIABLES } from "../config/variables.ts";
import { attempt } from "../lib/attempt.ts";
import { quoted } from "../lib/escape.ts";
import { addressesOf } from "../rpc/listener.ts";
import type { Probe } from "../rpc/probe.ts";
import { programPath, typedCommand } from "./binary.ts";
import { Journal } from "./journal.ts";
import { freePortAfter, occupant } from "./port.ts";
import { findOriginal } from "./python_original.ts";
import { readSettings } from "./read_settings.ts";
import { addressOf } from "./running.ts";
import { findService } from "./service.ts";
import type { Service, ServiceState } from "./service_types.ts";

/** The bus of this machine: what `settings.env` wants, what its service says, and the process that has its database. */
export interface OwnBus {
  config: InstallConfig;
  /** This program as the user can type it. */
  command: string;
  settings: Environment;
  /** Why the bus cannot use `settings.env`. */
  broken: string | undefined;
  /** The bus elsewhere that this machine is a client of. */
  remote: string | undefined;
  /** Settings of the bus, of the readable lines if `broken`. */
  server: ServerConfig;
  /** Where commands of this machine ask it. */
  url: string;
  service: { it: Service; state: ServiceState; runs: string | undefined } | undefined;
  /** Why there is no service manager. */
  noService: string | undefined;
  holder: Holder;
}

/** Looks at the bus of this machine, or at the one of another database. */
export async function lookAtOwnBus(db?: string): Promise<OwnBus> {
  const config = installConfig(environment);
  const { settings, broken } = readSettings();
  const flags = db === undefined ? {} : { db: resolve(db) };
  const server = usableConfig(flags, settings);
  const found = await findService(config);
  const isNone = "none" in found;
  const program = programPath(config);
  return {
    ...{ config, settings, broken, server, command: typedCommand(config), url: addressOf(server) },
    remote: settings[VARIABLES.url.name] || undefined,
    service: isNone
      ? undefined
      : { it: found, state: await found.state(), runs: findOriginal(config, found, program)?.runs },
    noService: isNone ? found.none : undefined,
    holder: await busOf(server.db, config),
  };
}

/** The settings of the bus. Without those that cannot be used, one after the other. */
function usableConfig(flags: Environment, settings: Environment): ServerConfig {
  const { host, port, db } = VARIABLES;
  const tries = [
    Object.keys(settings),
    [host.name, port.name, db.name],
    [port.name, db.name],
    [db.name],
    [port.name],
  ];
  for (const names of tries) {
    const chosen = Object.fromEntries(names.map((name) => [name, settings[name]]));
    const config = attempt(() => serverConfig(flags, {}, chosen));
    if (config !== undefined) return config;
  }
  return serverConfig(flags, {}, {});
}

/** The installed service that runs this program. */
export function ownService({ service }: OwnBus): { it: Service; state: ServiceState } | undefined {
  const isOurs = service !== undefined && service.runs === undefined;
  return isOurs && (service.state.installed || service.state.running) ? service : undefined;
}

/** Where a process of the bus listens. Undefined if it does not listen yet, or the system does not tell. */
export async function urlOfProcess(
  pid: number,
  { config, server }: { config: InstallConfig; server: Pick<ServerConfig, "port"> },
): Promise<string | undefined> {
  const found = await addressesOf(pid, config);
  const at = found.find(({ port }) => port === server.port) ?? found[0];
  return at === undefined ? undefined : localUrl(at.host, at.port);
}

/** @throws ConfigError when the bus cannot use its settings, with the command that opens them. */
export function expectSettings({ broken, command }: OwnBus, then: string): void {
  if (broken !== undefined) throw new ConfigError(`${broken} ${repairOf(broken)}, then: ${command} ${then}`);
}

/** The advice for settings that cannot be used. */
export function repairOf(broken: string): string {
  const line = /line (\d+)/.exec(broken)?.[1];
  return `Put it right: "\${EDITOR:-vi}" ${line === undefined ? "" : `+${line} `}${quoted(settingsPath())}`;
}

/** @throws Error when this machine uses a bus elsewhere. */
export function expectServer({ remote, command }: OwnBus, then: string): void {
  if (remote === undefined) return;
  throw new Error(
    `This machine uses the bus at ${remote} (${VARIABLES.url.name} in settings.env). On that machine: agent-event-bus ${then}. To have a bus here instead, first: ${command} uninstall --client`,
  );
}

/** @throws Error when a process has the database that is not proved to be a bus of this user. */
export function expectOwnHolder({ holder, server }: OwnBus): void {
  if (holder.kind === "other")
    throw new Error(
      `The bus of ${server.db} runs as another user (process ${holder.pid}). To stop it: sudo kill ${holder.pid}`,
    );
  if (holder.kind === "unproved")
    throw new Error(
      `The database ${server.db} is locked by ${holder.pid === undefined ? "a process" : `process ${holder.pid}`}, which is not a bus that can be seen from here. A bus in a container, or of another user, has to be stopped there.`,
    );
}

/** The command that gives the bus another port. */
export async function otherPort({ command, config, server }: OwnBus): Promise<string> {
  const noService = attempt(() => new Journal(config.data).leftOut("service")) ? " --no-service" : "";
  return `${command} install server${noService} --port ${await freePortAfter(server)}`;
}

/** The command that replaces a bus which does not answer. Its service ends it the hard way if need be. */
export function revival(bus: OwnBus, pid: number): string {
  const { command } = bus;
  return ownService(bus)?.state.pid === pid ? `${command} restart` : `kill -9 ${pid}; ${command} start`;
}

/** Tells which program has the port of the bus, and what to do about it. */
export async function takenBy(bus: OwnBus, answer: Probe): Promise<string> {
  const found = occupant(bus.server, answer);
  const moved = `To take another port: ${await otherPort(bus)}`;
  if (answer.kind === "original") return `${found} To replace it: ${bus.command} install server`;
  if (answer.kind !== "foreign") return `${found} ${moved}`;
  return `${found} ${moved}. If you mean that bus, put ${VARIABLES.busUser.name}=${answer.user} into ${quoted(settingsPath())}.`;
}
