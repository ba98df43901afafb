import { resolve } from "node:path";
import { clientConfig, environment, installConfig, keptToken } from "../../config/client.ts";
import { type Environment, localUrl } from "../../config/parse_settings.ts";
import { databasePath, postgresIn } from "../../config/server.ts";
import { VARIABLES } from "../../config/variables.ts";
import { attempt } from "../../lib/attempt.ts";
import { quoted } from "../../lib/escape.ts";
import { isLoopbackUrl } from "../../lib/loopback.ts";
import { once } from "../../lib/once.ts";
import { realOf } from "../../lib/permissions.ts";
import { hostOf, isSameUrl } from "../../rpc/bus_url.ts";
import { type Probe, probe } from "../../rpc/probe.ts";
import { programPath, typedCommand } from "../binary.ts";
import { claudeVersion } from "../claude_version.ts";
import { lookAtHooks } from "../hooks.ts";
import { Journal } from "../journal.ts";
import type { Part } from "../manifest.ts";
import { lookAtPlugin } from "../plugin_folder.ts";
import { readSettings } from "../read_settings.ts";
import { lookAtRegistration } from "../registration.ts";
import { findService } from "../service.ts";

/** The journal of an installation that cannot be read. */
const NOTHING = { wrote: () => false, files: () => [] };

/** The machine under examination. */
export type Place = ReturnType<typeof placeOf>;

/** A fact that several checks need is established once. Sends nothing yet. */
export function placeOf() {
  const config = installConfig(environment);
  const client = clientConfig(environment);
  const { settings, broken } = readSettings();
  const here = localUrl(settings[VARIABLES.host.name], settings[VARIABLES.port.name]);
  const { name } = VARIABLES.url;
  const url = environment[name] || settings[name] || here;
  // A server uses its own bus, a client one elsewhere.
  const role: "server" | "client" = settings[name] || !isSameUrl(url, here) ? "client" : "server";
  const program = programPath(config);
  const command = typedCommand(config);
  // For a bus that asks for a token.
  const kept = once(() => attempt(keptToken));
  // For the first request.
  const token = () => client.token ?? (isLoopbackUrl(url) ? undefined : kept());
  const version = once(() => claudeVersion(config));
  const journal = once(() => attempt(() => new Journal(config.data)));
  return {
    ...{ config, client, role, settings, settingsBroken: broken, db: databaseIn(settings) },
    /** Null if the database is a file. */
    postgres: attempt(() => postgresIn(undefined, environment, settings)) ?? null,
    ...{ url, program, command, token, kept },
    /** The command that installs the bus here, or repairs its installation. */
    install: `${command} install ${role === "server" ? "server" : `client --url ${quoted(url)}`}`,
    probe: once(() => probeOf(url, token(), kept)),
    service: once(async () => {
      const service = await findService(config);
      return "none" in service ? service : { service, state: await service.state() };
    }),
    hooks: once(() => lookAtHooks(config, program)),
    /** Compared with the hooks that fit the version of Claude Code. */
    fittingHooks: once(async () => lookAtHooks(config, program, await version())),
    plugin: once(() => lookAtPlugin(config, journal() ?? NOTHING, program)),
    version,
    registration: once(() => lookAtRegistration(config)),
    /** True if the user opted out of a part at the last install. */
    leftOut: (part: Part) => journal()?.leftOut(part) ?? false,
  };
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
    return { kind: "nobody", found: (error as Error).message, sentence: (error as Error).message };
  }
}

/** A command for the machine of the bus. */
export function onBus({ role, url, command }: Place, words: string): string {
  return role === "server" ? `${command} ${words}` : `on ${hostOf(url)}: agent-event-bus ${words}`;
}
